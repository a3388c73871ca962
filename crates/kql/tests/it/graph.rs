//! Graphs: made of tables, matched, and made tables again.

use crate::world::columns;

const GRAPH: &str = "T | make-graph s --> g with U on s";

fn check(rest: &str, expected: &str) {
    assert_eq!(columns(&format!("{GRAPH} | {rest}")), expected, "{rest}");
}

#[test]
fn a_pattern_binds_nodes_and_edges() {
    check(
        "graph-match (n)-[e]->(m)<--(o) where n.a > 1 and e.r > 2 project n.s, m.z, e.t",
        "n_s:string m_z:int e_t:datetime",
    );
    check(
        "graph-match cycles=none (n)-[e]-(m), (m)--(o) project x = e.dec, o",
        "x:decimal o:dynamic",
    );
    check(
        "graph-match (n)-[e]->(m) project n.t",
        "KQL201 unknown column `t`",
    );
    check(
        "graph-match (n)-[e]->(m) project q.t",
        "KQL201 unknown column `q`",
    );
    check(
        "graph-match (n)-[e]->(m) where n.a project n.a",
        "KQL214 the condition is of type long, not bool",
    );
}

#[test]
fn a_path_has_arrays() {
    check(
        "graph-match (n)-[e*1..3]->(m) where all(e, a > 1) and any(inner_nodes(e), z > 1) \
         project e.a, v = map(e, t), w = map(inner_nodes(e), s)",
        "e_a:dynamic v:dynamic w:dynamic",
    );
    check(
        "graph-match (n)-[e*1..3]->(m) project x = strcat_array(map(e, s), '>'), \
         y = strcat(n.s, '!'), c = array_length(e.a)",
        "x:dynamic y:string c:dynamic",
    );
    check(
        "graph-match (n)-[e*1..3]->(m) where all(inner_nodes(e), t > now()) project e.a",
        "KQL201 unknown column `t`",
    );
    check(
        "graph-shortest-paths output=all (n)-[e*1..3]->(m) where n.a == 1 project m.a",
        "m_a:long",
    );
    check(
        "graph-match (n)-[e]->(m) project i = node_degree_in(n), k = node_id(m), l = labels(e)",
        "i:long k:string l:dynamic",
    );
}

#[test]
fn a_graph_becomes_tables() {
    check("graph-to-table nodes", "a:long s:string z:int");
    check(
        "graph-where-nodes z > 1 | graph-mark-components kind=weak | graph-to-table nodes",
        "a:long s:string z:int ComponentId:long",
    );
    check(
        "graph-to-table nodes as N with_node_id=id, edges as E with_source_id=from; N | project id, z",
        "id:long z:int",
    );
    check(
        "graph-to-table nodes, edges",
        "KQL217 several tables of a graph need names",
    );
    check(
        "graph-to-table foo",
        "KQL100 expected `nodes` or `edges`, found `foo`",
    );
}

#[test]
fn graphs_are_no_tables() {
    assert_eq!(
        columns("T | graph-match (n) project n.a"),
        "KQL210 `graph-match` reads a graph, not a table"
    );
    assert_eq!(
        columns("let G = T | make-graph s --> g with U on s; G | graph-match (n) project n.a"),
        "n_a:long"
    );
    assert_eq!(
        columns("T | make-graph d --> g"),
        "KQL213 nodes cannot be known by a value of type dynamic"
    );
    assert_eq!(
        columns("T | make-graph s --> g partitioned-by a (graph-match (n)-[e]->(m) project e.b)"),
        "e_b:long"
    );
}
