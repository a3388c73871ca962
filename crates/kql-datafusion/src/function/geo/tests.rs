//! Whole functions against the examples of their reference pages and against each other.

use kql::types::ScalarType;
use serde_json::Value;

use super::super::testing::{Argument, bool, dynamic, eval, long, null, real, string};
use ScalarType::{Bool, Dynamic, Int, Real, String};

const CENTRAL_PARK: &str = r#"{"type":"Polygon","coordinates":[[[-73.9495,40.7969],
    [-73.95807266235352,40.80068603561921],[-73.98201942443848,40.76825672305777],
    [-73.97317886352539,40.76455136505513],[-73.9495,40.7969]]]}"#;

/// Whether values are equal but for the last digits of numbers.
fn is_near(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => {
            let (left, right) = (left.as_f64().unwrap(), right.as_f64().unwrap());
            (left - right).abs() <= 1e-9 * left.abs().max(1.0)
        }
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(l, r)| is_near(l, r))
        }
        (Value::Object(left), Value::Object(right)) => {
            left.len() == right.len()
                && left
                    .iter()
                    .all(|(key, value)| right.get(key).is_some_and(|other| is_near(value, other)))
        }
        _ => left == right,
    }
}

/// Checks a function whose result reads as JSON.
fn check(name: &str, result: ScalarType, arguments: &[Argument], expected: &str) {
    let actual = eval(name, result, arguments);
    let read = |text: &str| -> Value { serde_json::from_str(text).unwrap_or(text.into()) };
    assert!(
        is_near(&read(&actual), &read(expected)),
        "{name} {arguments:?}\n expected {expected}\n got      {actual}"
    );
}

fn line(coordinates: &str) -> Argument {
    dynamic(&format!(
        r#"{{"type":"LineString","coordinates":{coordinates}}}"#
    ))
}

fn polygon(coordinates: &str) -> Argument {
    dynamic(&format!(
        r#"{{"type":"Polygon","coordinates":{coordinates}}}"#
    ))
}

fn reals<const N: usize>(values: [f64; N]) -> Vec<Argument> {
    values.into_iter().map(real).collect()
}

#[test]
fn distances_and_directions() {
    let places = reals([-122.407_628, 47.578_557, -118.275_287, 34.019_056]);
    check("geo_distance_2points", Real, &places, "1546754.3519738095");
    let on_sphere = [places.clone(), vec![bool(false)]].concat();
    check(
        "geo_distance_2points",
        Real,
        &on_sphere,
        "1546754.3519738095",
    );
    let invalid = reals([300.0, 1.0, 1.0, 1.0]);
    check("geo_distance_2points", Real, &invalid, "null");
    let angle = reals([0.0, 10.0, 0.0, 5.0, 3.0, -10.0]);
    check("geo_angle", Real, &angle, "2.94493843406882");
    let same = reals([0.0, 10.0, 0.0, 10.0, 3.0, -10.0]);
    check("geo_angle", Real, &same, "null");
    let radians = 175.015_653_606_567_55_f64.to_radians();
    let azimuth = reals([5.0, 10.0, 10.0, -40.0]);
    check("geo_azimuth", Real, &azimuth, &radians.to_string());
    let opposite = reals([0.0, 0.0, 180.0, 0.0]);
    check("geo_azimuth", Real, &opposite, "null");
}

#[test]
fn a_quarter_of_the_spheroid_is_known() {
    // The length of the meridian from the equator to the pole on the WGS-84 ellipsoid.
    let mut quarter = reals([7.0, 0.0, 7.0, 90.0]);
    quarter.push(bool(true));
    check("geo_distance_2points", Real, &quarter, "10001965.729312735");
    let located = [line("[[0,0],[0,80]]"), real(1.0), real(0.0), bool(true)];
    check("geo_line_locate_point", Real, &located, "0");
}

#[test]
fn circles() {
    let inside = reals([-122.143_564, 47.535_677, -122.100_896, 47.527_351, 3500.0]);
    check("geo_point_in_circle", Bool, &inside, "True");
    let radius = reals([1.0, 1.0, 1.0, 1.0, -1.0]);
    check("geo_point_in_circle", Bool, &radius, "null");
}

#[test]
fn cells_of_points() {
    let place = reals([-80.195_829, 25.802_215]);
    for (name, level, expected) in [
        ("geo_point_to_geohash", 8, "dhwfz15h"),
        ("geo_point_to_s2cell", 8, "88d9b"),
        ("geo_point_to_geohash", 19, ""),
        ("geo_point_to_s2cell", 31, ""),
        ("geo_point_to_h3cell", 16, ""),
    ] {
        let arguments = [place.clone(), vec![long(level)]].concat();
        check(name, String, &arguments, expected);
        let unknown = [place.clone(), vec![null(ScalarType::Long)]].concat();
        check(name, String, &unknown, "");
    }
    let liberty = reals([-74.044_504_460_398_74, 40.689_250_859_314_974]);
    check("geo_point_to_h3cell", String, &liberty, "862a1072fffffff");
}

#[test]
fn cells_as_shapes() {
    check(
        "geo_geohash_to_polygon",
        Dynamic,
        &[string("dr5ru")],
        r#"{"type":"Polygon","coordinates":[[[-74.00390625,40.7373046875],
            [-73.9599609375,40.7373046875],[-73.9599609375,40.78125],[-74.00390625,40.78125],
            [-74.00390625,40.7373046875]]]}"#,
    );
    check(
        "geo_s2cell_to_central_point",
        Dynamic,
        &[string("1234567")],
        r#"{"type":"Point","coordinates":[9.86830731850408,27.468392925827604]}"#,
    );
    for (name, wrong) in [
        ("geo_geohash_to_polygon", "a"),
        ("geo_geohash_to_central_point", ""),
        ("geo_s2cell_to_polygon", "a"),
        ("geo_s2cell_to_central_point", "12345678901234567"),
        ("geo_s2cell_neighbors", "g"),
        ("geo_h3cell_to_polygon", "@"),
        ("geo_h3cell_neighbors", "abc"),
    ] {
        check(name, Dynamic, &[string(wrong)], "null");
    }
}

#[test]
fn families_of_h3_cells() {
    let cell = || string("862a1072fffffff");
    check("geo_h3cell_parent", String, &[cell()], "852a1073fffffff");
    check(
        "geo_h3cell_parent",
        String,
        &[cell(), long(1)],
        "812a3ffffffffff",
    );
    for level in [6, 15, 100, -1] {
        check("geo_h3cell_parent", String, &[cell(), long(level)], "");
    }
    check("geo_h3cell_level", Int, &[cell()], "6");
    check("geo_h3cell_level", Int, &[string("abc")], "null");
    check("geo_h3cell_children", Dynamic, &[cell(), long(12)], "null");
    check("geo_h3cell_rings", Dynamic, &[cell(), long(143)], "null");
    check(
        "geo_h3cell_rings",
        Dynamic,
        &[cell(), long(0)],
        r#"[["862a1072fffffff"]]"#,
    );
}

#[test]
fn measures_of_lines() {
    let road = || line("[[-73.95796,40.80042],[-73.97317,40.764486]]");
    let quarter = r#"{"type":"Point","coordinates":[-73.96176404321828,40.79143668725723]}"#;
    check(
        "geo_line_interpolate_point",
        Dynamic,
        &[road(), real(0.25)],
        quarter,
    );
    for fraction in [-0.1, 1.1, f64::NAN] {
        check(
            "geo_line_interpolate_point",
            Dynamic,
            &[road(), real(fraction)],
            "null",
        );
    }
    let located = [road(), real(-73.965), real(40.792)];
    check(
        "geo_line_locate_point",
        Real,
        &located,
        "0.25560135100307552",
    );
    for wrong in [
        "[[1,1]]",
        "[]",
        "[[1,1],[181,1]]",
        "[[0,0],[180,0]]",
        r#"[["1",1],[2,2]]"#,
        "1",
    ] {
        check("geo_line_length", Real, &[line(wrong)], "null");
    }
    check("geo_line_length", Real, &[dynamic("null")], "null");
    check(
        "geo_line_length",
        Real,
        &[line("[[0,0],[0,90]]")],
        &(6_371_010.0 * std::f64::consts::FRAC_PI_2).to_string(),
    );
}

#[test]
fn measures_of_polygons() {
    check(
        "geo_polygon_area",
        Real,
        &[dynamic(CENTRAL_PARK)],
        "3475207.28346606",
    );
    let place = [real(-73.9839), real(40.7705), dynamic(CENTRAL_PARK)];
    check(
        "geo_distance_point_to_polygon",
        Real,
        &place,
        "259.940756070596",
    );
    let closest = r#"{"type":"Point","coordinates":[-73.981205580153926,40.769359452843211]}"#;
    check("geo_closest_point_on_polygon", Dynamic, &place, closest);
    // An eighth of the sphere, with and without a part cut out.
    let eighth = 6_371_010.0_f64.powi(2) * std::f64::consts::FRAC_PI_2;
    let shell = "[[0,0],[90,0],[0,90],[0,0]]";
    check(
        "geo_polygon_area",
        Real,
        &[polygon(&format!("[{shell}]"))],
        &eighth.to_string(),
    );
    let hole = "[[20,20],[20,40],[40,40],[40,20],[20,20]]";
    let with_hole = polygon(&format!("[{shell},{hole}]"));
    for (longitude, latitude, expected) in [
        (30.0, 30.0, "False"),
        (10.0, 10.0, "True"),
        (20.0, 20.0, "True"),
    ] {
        let arguments = [real(longitude), real(latitude), with_hole.clone()];
        check("geo_point_in_polygon", Bool, &arguments, expected);
    }
    for wrong in [
        "[[[0,0],[10,10],[10,10],[0,0]]]",
        "[[[0,0],[10,0],[10,10],[0,10]]]",
        "[[[0,0],[10,10],[10,0],[0,10],[0,0]]]",
        "[[[0,0],[10,0],[0,0]]]",
        "[[]]",
        "[]",
        "[[[0,0],[10,0],[10,10],[0,0]],[[5,-1],[6,4],[7,-1],[5,-1]]]",
    ] {
        check("geo_polygon_area", Real, &[polygon(wrong)], "null");
    }
}

#[test]
fn what_shapes_have_in_common() {
    let first = line("[[-73.978929,40.785155],[-73.980903,40.782621]]");
    let second = line("[[-73.985195,40.788275],[-73.974552,40.779761]]");
    let point = r#"{"type":"Point","coordinates":[-73.979837116670978,40.783989289772165]}"#;
    check(
        "geo_intersection_2lines",
        Dynamic,
        &[first.clone(), second],
        point,
    );
    let same =
        r#"{"type":"LineString","coordinates":[[-73.978929,40.785155],[-73.980903,40.782621]]}"#;
    check(
        "geo_intersection_2lines",
        Dynamic,
        &[first.clone(), first],
        same,
    );
    let triangle = || polygon("[[[2,45],[0,45],[1,44],[2,45]]]");
    let touching = polygon("[[[3,44],[2,45],[2,43],[3,44]]]");
    let corner = r#"{"type":"Point","coordinates":[2,45]}"#;
    check(
        "geo_intersection_2polygons",
        Dynamic,
        &[triangle(), touching.clone()],
        corner,
    );
    check(
        "geo_intersects_2polygons",
        Bool,
        &[triangle(), touching],
        "True",
    );
    let apart = polygon("[[[3,44],[3,45],[2,43],[3,44]]]");
    let nothing = r#"{"type":"GeometryCollection","geometries":[]}"#;
    check(
        "geo_intersection_2polygons",
        Dynamic,
        &[triangle(), apart.clone()],
        nothing,
    );
    check(
        "geo_intersects_2polygons",
        Bool,
        &[triangle(), apart],
        "False",
    );
    let long_line = line("[[-110.522,39.198],[-91.428,40.880]]");
    let parts = dynamic(
        r#"{"type":"MultiPolygon","coordinates":[
            [[[-90.263,36.738],[-102.041,45.274],[-109.335,36.527],[-90.263,36.738]]]]}"#,
    );
    check(
        "geo_intersection_line_with_polygon",
        Dynamic,
        &[long_line, parts],
        r#"{"type":"LineString","coordinates":[[-106.89353655881905,39.769226209776306],
            [-95.28452773731179,40.799060242246348]]}"#,
    );
}

#[test]
fn neighbors_with_a_common_border() {
    let left = polygon("[[[0,0],[1,0],[1,1],[0,1],[0,0]]]");
    let right = polygon("[[[1,0],[2,0],[2,1],[1,1],[1,0]]]");
    check(
        "geo_intersection_2polygons",
        Dynamic,
        &[left, right],
        r#"{"type":"LineString","coordinates":[[1,0],[1,1]]}"#,
    );
    let both = dynamic(
        r#"[{"type":"Polygon","coordinates":[[[0,0],[1,0],[1,1],[0,1],[0,0]]]},
            {"type":"Polygon","coordinates":[[[1,0],[2,0],[2,1],[1,1],[1,0]]]}]"#,
    );
    check(
        "geo_union_polygons_array",
        Dynamic,
        &[both],
        r#"{"type":"Polygon","coordinates":[[[1,1],[0,1],[0,0],[1,0],[2,0],[2,1],[1,1]]]}"#,
    );
}

#[test]
fn densified_edges() {
    let diagonal = line("[[50,50],[51,51]]");
    check(
        "geo_line_densify",
        Dynamic,
        std::slice::from_ref(&diagonal),
        r#"{"type":"LineString","coordinates":[[50,50],[50.125,50.125],[50.25,50.25],
            [50.375,50.375],[50.5,50.5],[50.625,50.625],[50.75,50.75],[50.875,50.875],[51,51]]}"#,
    );
    for tolerance in [0.0, 0.05, 10_001.0] {
        check(
            "geo_line_densify",
            Dynamic,
            &[diagonal.clone(), real(tolerance)],
            "null",
        );
    }
    check(
        "geo_polygon_densify",
        Dynamic,
        &[polygon("[[[10,10],[11,10],[11,11],[10,11],[10,10]]]")],
        r#"{"type":"Polygon","coordinates":[[[10,10],[10.25,10],[10.5,10],[10.75,10],[11,10],
            [11,11],[10.75,11],[10.5,11],[10.25,11],[10,11],[10,10]]]}"#,
    );
}

#[test]
fn simplified_shapes() {
    let small = || line("[[1.1,1.1],[1.2,1.2]]");
    check(
        "geo_line_simplify",
        Dynamic,
        &[small(), real(100_000.0)],
        "null",
    );
    check("geo_line_simplify", Dynamic, &[small(), real(-1.0)], "null");
    check(
        "geo_line_simplify",
        Dynamic,
        &[line("[[0,0],[1,0.00001],[2,0],[3,1]]"), real(10.0)],
        r#"{"type":"LineString","coordinates":[[0,0],[2,0],[3,1]]}"#,
    );
    let square = polygon("[[[0,0],[1,-0.00001],[2,0],[2,2],[0,2],[0,0]]]");
    check(
        "geo_polygon_simplify",
        Dynamic,
        &[square],
        r#"{"type":"Polygon","coordinates":[[[0,0],[2,0],[2,2],[0,2],[0,0]]]}"#,
    );
}

#[test]
fn buffers_have_the_area_of_what_they_approximate() {
    let area = |shape: &str| {
        eval("geo_polygon_area", Real, &[dynamic(shape)])
            .parse::<f64>()
            .unwrap()
    };
    let circle = eval(
        "geo_point_buffer",
        Dynamic,
        &reals([139.0, 35.0, 1000.0, 0.01]),
    );
    let expected = std::f64::consts::PI * 1e6;
    assert!(
        (area(&circle) / expected - 1.0).abs() < 1e-4,
        "{}",
        area(&circle)
    );
    // A strip of 1000 m on both sides of ten kilometres, with a half circle at each end.
    let road = line("[[0,0],[0.0449661,0],[0.0899322,0]]");
    let strip = eval(
        "geo_line_buffer",
        Dynamic,
        &[road, real(1000.0), real(0.01)],
    );
    let expected = expected + 2.0 * 1000.0 * 0.089_932_2_f64.to_radians() * 6_371_010.0;
    assert!(
        (area(&strip) / expected - 1.0).abs() < 1e-4,
        "{}",
        area(&strip)
    );
    for radius in [0.0, -1.0, f64::NAN, f64::INFINITY, 1.1e7] {
        check(
            "geo_point_buffer",
            Dynamic,
            &reals([0.0, 0.0, radius]),
            "null",
        );
    }
}

#[test]
fn coverings() {
    let big = || polygon("[[[0,0],[0,50],[100,50],[0,0]]]");
    let cells = eval("geo_polygon_to_s2cells", Dynamic, &[big(), long(5)]);
    assert_eq!(cells.matches(',').count() + 1, 286);
    check(
        "geo_polygon_to_s2cells",
        Dynamic,
        &[big(), long(30)],
        "null",
    );
    check(
        "geo_polygon_to_h3cells",
        Dynamic,
        &[big(), long(15)],
        "null",
    );
    check(
        "geo_polygon_to_h3cells",
        Dynamic,
        &[polygon("[[[0,0],[1,1]]]")],
        "null",
    );
    let edge = || line("[[0.001,0.001],[0.002,0.002]]");
    let start = [real(0.001), real(0.001), long(5)];
    let cell = format!("[\"{}\"]", eval("geo_point_to_s2cell", String, &start));
    check("geo_line_to_s2cells", Dynamic, &[edge(), long(5)], &cell);
    check(
        "geo_line_to_s2cells",
        Dynamic,
        &[edge(), long(5), real(-1.0)],
        "null",
    );
    let wide = eval(
        "geo_line_to_s2cells",
        Dynamic,
        &[edge(), long(5), real(1000.0)],
    );
    assert_eq!(wide.matches(',').count() + 1, 4, "{wide}");
}

/// Numbers that only look random.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695);
        (self.0 >> 33) % limit
    }

    /// A polygon around a place near 0, 0, with corners in whole degrees or anywhere.
    fn star(&mut self, in_whole_degrees: bool) -> std::string::String {
        let (east, north) = (self.below(7) as f64, self.below(7) as f64);
        let count = 4 + self.below(6);
        let mut corners: Vec<std::string::String> = (0..count)
            .map(|corner| {
                let angle = corner as f64 / count as f64 * std::f64::consts::TAU;
                let radius = 2.0 + self.below(500) as f64 / 100.0;
                let (x, y) = (east + radius * angle.cos(), north + radius * angle.sin());
                if in_whole_degrees {
                    format!("[{},{}]", x.round(), y.round())
                } else {
                    format!("[{x},{y}]")
                }
            })
            .collect();
        corners.dedup();
        corners.push(corners[0].clone());
        format!(
            r#"{{"type":"Polygon","coordinates":[[{}]]}}"#,
            corners.join(",")
        )
    }
}

#[test]
fn what_is_common_and_what_is_not_make_the_whole() {
    let mut numbers = Numbers(7);
    let area = |shape: &str| -> Option<f64> {
        if shape.contains("GeometryCollection") {
            let shape: Value = serde_json::from_str(shape).unwrap();
            let parts = shape["geometries"].as_array().unwrap();
            let areas = parts.iter().filter_map(|part| {
                eval("geo_polygon_area", Real, &[dynamic(&part.to_string())])
                    .parse::<f64>()
                    .ok()
            });
            return Some(areas.sum());
        }
        if shape.contains("Line") || shape.contains("Point") {
            return Some(0.0);
        }
        eval("geo_polygon_area", Real, &[dynamic(shape)])
            .parse()
            .ok()
    };
    let mut compared = 0;
    for round in 0..300 {
        let (left, right) = (numbers.star(round % 2 == 0), numbers.star(round % 2 == 0));
        let (Some(first), Some(second)) = (area(&left), area(&right)) else {
            continue;
        };
        let pair = [dynamic(&left), dynamic(&right)];
        let common = eval("geo_intersection_2polygons", Dynamic, &pair);
        let all = dynamic(&format!("[{left},{right}]"));
        let union = eval("geo_union_polygons_array", Dynamic, &[all]);
        let (common_area, union_area) = (area(&common).unwrap(), area(&union).unwrap());
        let difference = (first + second - common_area - union_area).abs();
        assert!(
            difference < 1e-6 * (first + second),
            "{left}\n{right}\n{common}\n{union}\n{first} + {second} != {common_area} + {union_area}"
        );
        compared += 1;
    }
    assert!(compared > 200, "only {compared}");
}

#[test]
fn buffers_of_any_polygon_hold_it() {
    let mut numbers = Numbers(11);
    for round in 0..60 {
        let star = numbers.star(round % 2 == 0);
        let area = |shape: &str| eval("geo_polygon_area", Real, &[dynamic(shape)]).parse::<f64>();
        let Ok(before) = area(&star) else {
            continue;
        };
        let buffer = eval(
            "geo_polygon_buffer",
            Dynamic,
            &[dynamic(&star), real(50_000.0), real(500.0)],
        );
        let after = area(&buffer).unwrap();
        assert!(after > before, "{star}\n{buffer}\n{before} {after}");
        let common = eval(
            "geo_intersection_2polygons",
            Dynamic,
            &[dynamic(&star), dynamic(&buffer)],
        );
        let common_area = area(&common).unwrap();
        assert!(
            (common_area / before - 1.0).abs() < 1e-9,
            "{star}\n{buffer}\n{common}"
        );
    }
}
