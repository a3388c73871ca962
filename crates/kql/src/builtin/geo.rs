//! Points, lines and polygons on the Earth. Lines and polygons are GeoJSON bags; lengths are in
//! metres.

use super::vocabulary::{
    Array, Bag, Number, NumberOrBool, Scalar, TO_BAG, TO_BOOL, TO_DYNAMIC, TO_REAL, Text,
    TextOrArray, function, takes,
};

pub(super) static FUNCTIONS: &[Scalar] = &[
    function(
        "geo_from_wkt",
        &[takes(&[TextOrArray], TO_BAG)],
        "Reads a geometry in the well-known text format.",
    ),
    function(
        "geo_angle",
        &[takes(
            &[Number, Number, Number, Number, Number, Number],
            TO_REAL,
        )],
        "Clockwise angle between two lines that meet in the second point.",
    ),
    function(
        "geo_azimuth",
        &[takes(&[Number, Number, Number, Number], TO_REAL)],
        "Clockwise angle from north of the line between two points.",
    ),
    function(
        "geo_distance_2points",
        &[takes(&[Number, Number, Number, Number, NumberOrBool], TO_REAL).optional(1)],
        "Shortest distance between two points.",
    ),
    function(
        "geo_distance_point_to_line",
        &[takes(&[Number, Number, Bag], TO_REAL)],
        "Shortest distance from a point to a line.",
    ),
    function(
        "geo_distance_point_to_polygon",
        &[takes(&[Number, Number, Bag], TO_REAL)],
        "Shortest distance from a point to a polygon.",
    ),
    function(
        "geo_closest_point_on_line",
        &[takes(&[Number, Number, Bag], TO_BAG)],
        "The point of a line that is closest to a point.",
    ),
    function(
        "geo_closest_point_on_polygon",
        &[takes(&[Number, Number, Bag], TO_BAG)],
        "The point of a polygon that is closest to a point.",
    ),
    function(
        "geo_point_in_circle",
        &[takes(&[Number, Number, Number, Number, Number], TO_BOOL)],
        "Whether a point lies in a circle.",
    ),
    function(
        "geo_point_in_polygon",
        &[takes(&[Number, Number, Bag], TO_BOOL)],
        "Whether a point lies in a polygon.",
    ),
    function(
        "geo_point_buffer",
        &[takes(&[Number, Number, Number, Number], TO_BAG).optional(1)],
        "The polygon of all points within a radius of a point.",
    ),
    function(
        "geo_intersects_2lines",
        &[takes(&[Bag, Bag], TO_BOOL)],
        "Whether two lines meet.",
    ),
    function(
        "geo_intersects_2polygons",
        &[takes(&[Bag, Bag], TO_BOOL)],
        "Whether two polygons meet.",
    ),
    function(
        "geo_intersects_line_with_polygon",
        &[takes(&[Bag, Bag], TO_BOOL)],
        "Whether a line meets a polygon.",
    ),
    function(
        "geo_intersection_2lines",
        &[takes(&[Bag, Bag], TO_BAG)],
        "What two lines have in common.",
    ),
    function(
        "geo_intersection_2polygons",
        &[takes(&[Bag, Bag], TO_BAG)],
        "What two polygons have in common.",
    ),
    function(
        "geo_intersection_line_with_polygon",
        &[takes(&[Bag, Bag], TO_BAG)],
        "The part of a line in a polygon.",
    ),
    function(
        "geo_line_length",
        &[takes(&[Bag], TO_REAL)],
        "Length of a line.",
    ),
    function(
        "geo_line_buffer",
        &[takes(&[Bag, Number, Number], TO_BAG).optional(1)],
        "The polygon of all points within a radius of a line.",
    ),
    function(
        "geo_line_centroid",
        &[takes(&[Bag], TO_BAG)],
        "Centroid of a line.",
    ),
    function(
        "geo_line_densify",
        &[takes(&[Bag, Number, NumberOrBool], TO_BAG).optional(2)],
        "A line with points added along its edges.",
    ),
    function(
        "geo_line_simplify",
        &[takes(&[Bag, Number], TO_BAG).optional(1)],
        "A line with fewer points.",
    ),
    function(
        "geo_line_locate_point",
        &[takes(&[Bag, Number, Number, NumberOrBool], TO_REAL).optional(1)],
        "Where on a line the point closest to a point is, as a fraction.",
    ),
    function(
        "geo_line_interpolate_point",
        &[takes(&[Bag, Number], TO_BAG)],
        "The point at a fraction of a line.",
    ),
    function(
        "geo_polygon_area",
        &[takes(&[Bag], TO_REAL)],
        "Area of a polygon in square metres.",
    ),
    function(
        "geo_polygon_perimeter",
        &[takes(&[Bag], TO_REAL)],
        "Length of the boundary of a polygon.",
    ),
    function(
        "geo_polygon_buffer",
        &[takes(&[Bag, Number, Number], TO_BAG).optional(1)],
        "The polygon of all points within a radius of a polygon.",
    ),
    function(
        "geo_polygon_centroid",
        &[takes(&[Bag], TO_BAG)],
        "Centroid of a polygon.",
    ),
    function(
        "geo_polygon_densify",
        &[takes(&[Bag, Number, NumberOrBool], TO_BAG).optional(2)],
        "A polygon with points added along its edges.",
    ),
    function(
        "geo_polygon_simplify",
        &[takes(&[Bag, Number], TO_BAG).optional(1)],
        "A polygon with fewer points.",
    ),
    function(
        "geo_simplify_polygons_array",
        &[takes(&[Array, Number], TO_BAG).optional(1)],
        "Simplifies neighbouring polygons together.",
    ),
    function(
        "geo_union_polygons_array",
        &[takes(&[Array], TO_BAG)],
        "Union of polygons.",
    ),
    function(
        "geo_union_lines_array",
        &[takes(&[Array], TO_BAG)],
        "Union of lines.",
    ),
    function(
        "geo_info_from_ip_address",
        &[takes(&[Text], TO_DYNAMIC)],
        "Country, state, city and coordinates of an IP address.",
    ),
];
