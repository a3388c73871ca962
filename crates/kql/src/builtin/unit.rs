//! Conversions between units of measurement. Units are written as texts, such as `Meter`.

use super::vocabulary::{REAL, Scalar, TO_REAL, Text, function, takes};

pub(super) static FUNCTIONS: &[Scalar] = &[
    function(
        "convert_angle",
        &[takes(&[REAL, Text, Text], TO_REAL)],
        "Converts an angle between units, such as `Degree` to `Radian`.",
    ),
    function(
        "convert_energy",
        &[takes(&[REAL, Text, Text], TO_REAL)],
        "Converts an energy between units, such as `Joule` to `WattHour`.",
    ),
    function(
        "convert_force",
        &[takes(&[REAL, Text, Text], TO_REAL)],
        "Converts a force between units, such as `Newton` to `PoundForce`.",
    ),
    function(
        "convert_length",
        &[takes(&[REAL, Text, Text], TO_REAL)],
        "Converts a length between units, such as `Meter` to `Foot`.",
    ),
    function(
        "convert_mass",
        &[takes(&[REAL, Text, Text], TO_REAL)],
        "Converts a mass between units, such as `Kilogram` to `Pound`.",
    ),
    function(
        "convert_speed",
        &[takes(&[REAL, Text, Text], TO_REAL)],
        "Converts a speed between units, such as `MeterPerSecond` to `Knot`.",
    ),
    function(
        "convert_temperature",
        &[takes(&[REAL, Text, Text], TO_REAL)],
        "Converts a temperature between units, such as `DegreeCelsius` to `Kelvin`.",
    ),
    function(
        "convert_volume",
        &[takes(&[REAL, Text, Text], TO_REAL)],
        "Converts a volume between units, such as `Liter` to `UsGallon`.",
    ),
];
