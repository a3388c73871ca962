//! Grids that cover the Earth: geohash, S2 and H3 cells.

use super::vocabulary::{
    Bag, Number, Scalar, TO_ARRAY, TO_BAG, TO_INT, TO_STRING, Text, function, takes,
};

pub(super) static FUNCTIONS: &[Scalar] = &[
    function(
        "geo_point_to_geohash",
        &[takes(&[Number, Number, Number], TO_STRING).optional(1)],
        "The geohash of a point.",
    ),
    function(
        "geo_geohash_to_central_point",
        &[takes(&[Text], TO_BAG)],
        "The centre of a geohash cell.",
    ),
    function(
        "geo_geohash_to_polygon",
        &[takes(&[Text], TO_BAG)],
        "The rectangle of a geohash cell.",
    ),
    function(
        "geo_geohash_neighbors",
        &[takes(&[Text], TO_ARRAY)],
        "The neighbours of a geohash cell.",
    ),
    function(
        "geo_point_to_s2cell",
        &[takes(&[Number, Number, Number], TO_STRING).optional(1)],
        "The token of the S2 cell of a point.",
    ),
    function(
        "geo_s2cell_to_central_point",
        &[takes(&[Text], TO_BAG)],
        "The centre of an S2 cell.",
    ),
    function(
        "geo_s2cell_to_polygon",
        &[takes(&[Text], TO_BAG)],
        "The rectangle of an S2 cell.",
    ),
    function(
        "geo_s2cell_neighbors",
        &[takes(&[Text], TO_ARRAY)],
        "The neighbours of an S2 cell.",
    ),
    function(
        "geo_line_to_s2cells",
        &[takes(&[Bag, Number, Number], TO_ARRAY).optional(2)],
        "S2 cells that cover a line.",
    ),
    function(
        "geo_polygon_to_s2cells",
        &[takes(&[Bag, Number, Number], TO_ARRAY).optional(2)],
        "S2 cells that cover a polygon.",
    ),
    function(
        "geo_point_to_h3cell",
        &[takes(&[Number, Number, Number], TO_STRING).optional(1)],
        "The token of the H3 cell of a point.",
    ),
    function(
        "geo_h3cell_to_central_point",
        &[takes(&[Text], TO_BAG)],
        "The centre of an H3 cell.",
    ),
    function(
        "geo_h3cell_to_polygon",
        &[takes(&[Text], TO_BAG)],
        "The hexagon of an H3 cell.",
    ),
    function(
        "geo_h3cell_neighbors",
        &[takes(&[Text], TO_ARRAY)],
        "The neighbours of an H3 cell.",
    ),
    function(
        "geo_h3cell_children",
        &[takes(&[Text, Number], TO_ARRAY).optional(1)],
        "The H3 cells within an H3 cell.",
    ),
    function(
        "geo_h3cell_parent",
        &[takes(&[Text, Number], TO_STRING).optional(1)],
        "The H3 cell around an H3 cell.",
    ),
    function(
        "geo_h3cell_rings",
        &[takes(&[Text, Number], TO_ARRAY)],
        "The rings of H3 cells around an H3 cell.",
    ),
    function(
        "geo_h3cell_level",
        &[takes(&[Text], TO_INT)],
        "The resolution of an H3 cell.",
    ),
    function(
        "geo_polygon_to_h3cells",
        &[takes(&[Bag, Number, Number], TO_ARRAY).optional(2)],
        "H3 cells that cover a polygon.",
    ),
];
