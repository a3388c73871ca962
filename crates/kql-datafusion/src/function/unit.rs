//! `convert_length()` and its kind: what a unit is worth in the SI unit of its quantity. Units are
//! spelt as the reference spells them; anything else converts to null.

use arrow::array::ArrayRef;
use datafusion::common::Result;
use kql::types::ScalarType;

use super::arguments::Arguments;
use super::udf::{Evaluate, code};

/// Conversions by name.
pub(super) fn find(name: &str, _: &[ScalarType]) -> Option<Evaluate> {
    Some(match name {
        "convert_angle" => code(|a| convert(a, angle_to_degrees, degrees_to_angle)),
        "convert_temperature" => code(|a| convert(a, to_kelvin, of_kelvin)),
        "convert_energy" => by_factor::<0>(),
        "convert_force" => by_factor::<1>(),
        "convert_length" => by_factor::<2>(),
        "convert_mass" => by_factor::<3>(),
        "convert_speed" => by_factor::<4>(),
        "convert_volume" => by_factor::<5>(),
        _ => return None,
    })
}

type Factors = &'static [(&'static str, f64)];

const QUANTITIES: [Factors; 6] = [ENERGY, FORCE, LENGTH, MASS, SPEED, VOLUME];

fn by_factor<const QUANTITY: usize>() -> Evaluate {
    code(|a| {
        convert(
            a,
            |value, unit| Some(value * factor(QUANTITIES[QUANTITY], unit)?),
            |value, unit| Some(value / factor(QUANTITIES[QUANTITY], unit)?),
        )
    })
}

fn factor(factors: Factors, unit: &str) -> Option<f64> {
    let mut factors = factors.iter();
    factors
        .find(|(name, _)| *name == unit)
        .map(|(_, factor)| *factor)
}

type Conversion = fn(f64, &str) -> Option<f64>;

/// From a unit to the base, and from there to another unit.
fn convert(
    arguments: &Arguments<'_>,
    to_base: Conversion,
    of_base: Conversion,
) -> Result<ArrayRef> {
    let values = arguments.reals_in(0);
    let (from, to) = (arguments.texts(1)?, arguments.texts(2)?);
    arguments.reals(|row| {
        let value = values.get(row)?;
        let (from, to) = (from.text(row), to.text(row));
        let converted = of_base(to_base(value, from)?, to)?;
        Some(if from == to { value } else { converted })
    })
}

/// A tilt is the sine of its angle.
fn angle_to_degrees(value: f64, unit: &str) -> Option<f64> {
    if unit == "Tilt" {
        return Some(value.asin().to_degrees());
    }
    Some(value * factor(ANGLE, unit)?)
}

fn degrees_to_angle(degrees: f64, unit: &str) -> Option<f64> {
    if unit == "Tilt" {
        return Some(degrees.to_radians().sin());
    }
    Some(degrees / factor(ANGLE, unit)?)
}

const CELSIUS: f64 = 273.15;

fn to_kelvin(value: f64, unit: &str) -> Option<f64> {
    Some(match unit {
        "Kelvin" => value,
        "DegreeCelsius" => value + CELSIUS,
        "MillidegreeCelsius" => value / 1000.0 + CELSIUS,
        "DegreeDelisle" => CELSIUS + 100.0 - value * 2.0 / 3.0,
        "DegreeFahrenheit" => (value + 459.67) * 5.0 / 9.0,
        "DegreeNewton" => value * 100.0 / 33.0 + CELSIUS,
        "DegreeRankine" => value * 5.0 / 9.0,
        "DegreeReaumur" => value * 5.0 / 4.0 + CELSIUS,
        "DegreeRoemer" => (value - 7.5) * 40.0 / 21.0 + CELSIUS,
        "SolarTemperature" => value * SOLAR_KELVIN,
        _ => return None,
    })
}

fn of_kelvin(kelvin: f64, unit: &str) -> Option<f64> {
    Some(match unit {
        "Kelvin" => kelvin,
        "DegreeCelsius" => kelvin - CELSIUS,
        "MillidegreeCelsius" => (kelvin - CELSIUS) * 1000.0,
        "DegreeDelisle" => (CELSIUS + 100.0 - kelvin) * 3.0 / 2.0,
        "DegreeFahrenheit" => kelvin * 9.0 / 5.0 - 459.67,
        "DegreeNewton" => (kelvin - CELSIUS) * 33.0 / 100.0,
        "DegreeRankine" => kelvin * 9.0 / 5.0,
        "DegreeReaumur" => (kelvin - CELSIUS) * 4.0 / 5.0,
        "DegreeRoemer" => (kelvin - CELSIUS) * 21.0 / 40.0 + 7.5,
        "SolarTemperature" => kelvin / SOLAR_KELVIN,
        _ => return None,
    })
}

/// Effective temperature of the sun.
const SOLAR_KELVIN: f64 = 5778.0;

const RADIAN: f64 = 180.0 / std::f64::consts::PI;

/// In degrees.
const ANGLE: Factors = &[
    ("Arcminute", 1.0 / 60.0),
    ("Arcsecond", 1.0 / 3600.0),
    ("Centiradian", RADIAN * 1e-2),
    ("Deciradian", RADIAN * 1e-1),
    ("Degree", 1.0),
    ("Gradian", 0.9),
    ("Microdegree", 1e-6),
    ("Microradian", RADIAN * 1e-6),
    ("Millidegree", 1e-3),
    ("Milliradian", RADIAN * 1e-3),
    ("Nanodegree", 1e-9),
    ("Nanoradian", RADIAN * 1e-9),
    ("NatoMil", 9.0 / 160.0),
    ("Radian", RADIAN),
    ("Revolution", 360.0),
];

const BTU: f64 = 1_055.055_852_62;
const CALORIE: f64 = 4.184;
const ELECTRON_VOLT: f64 = 1.602_176_565e-19;
const WATT_HOUR: f64 = 3600.0;
const WATT_DAY: f64 = 24.0 * WATT_HOUR;
const THERM_EC: f64 = 1.055_055_852_62e8;
const THERM_IMPERIAL: f64 = 1.055_055_852_573_48e8;
const THERM_US: f64 = 1.054_804e8;

/// In joules.
const ENERGY: Factors = &[
    ("BritishThermalUnit", BTU),
    ("Calorie", CALORIE),
    ("DecathermEc", 10.0 * THERM_EC),
    ("DecathermImperial", 10.0 * THERM_IMPERIAL),
    ("DecathermUs", 10.0 * THERM_US),
    ("ElectronVolt", ELECTRON_VOLT),
    ("Erg", 1e-7),
    ("FootPound", 1.355_817_948),
    ("GigabritishThermalUnit", 1e9 * BTU),
    ("GigaelectronVolt", 1e9 * ELECTRON_VOLT),
    ("Gigajoule", 1e9),
    ("GigawattDay", 1e9 * WATT_DAY),
    ("GigawattHour", 1e9 * WATT_HOUR),
    ("HorsepowerHour", 2.684_519_537_7e6),
    ("Joule", 1.0),
    ("KilobritishThermalUnit", 1e3 * BTU),
    ("Kilocalorie", 1e3 * CALORIE),
    ("KiloelectronVolt", 1e3 * ELECTRON_VOLT),
    ("Kilojoule", 1e3),
    ("KilowattDay", 1e3 * WATT_DAY),
    ("KilowattHour", 1e3 * WATT_HOUR),
    ("MegabritishThermalUnit", 1e6 * BTU),
    ("Megacalorie", 1e6 * CALORIE),
    ("MegaelectronVolt", 1e6 * ELECTRON_VOLT),
    ("Megajoule", 1e6),
    ("MegawattDay", 1e6 * WATT_DAY),
    ("MegawattHour", 1e6 * WATT_HOUR),
    ("Millijoule", 1e-3),
    ("TeraelectronVolt", 1e12 * ELECTRON_VOLT),
    ("TerawattDay", 1e12 * WATT_DAY),
    ("TerawattHour", 1e12 * WATT_HOUR),
    ("ThermEc", THERM_EC),
    ("ThermImperial", THERM_IMPERIAL),
    ("ThermUs", THERM_US),
    ("WattDay", WATT_DAY),
    ("WattHour", WATT_HOUR),
];

const GRAVITY: f64 = 9.806_65;
const POUND: f64 = 0.453_592_37;
const FOOT: f64 = 0.3048;
const INCH: f64 = 0.0254;

/// In newtons.
const FORCE: Factors = &[
    ("Decanewton", 10.0),
    ("Dyn", 1e-5),
    ("KilogramForce", GRAVITY),
    ("Kilonewton", 1e3),
    ("KiloPond", GRAVITY),
    ("KilopoundForce", 1e3 * POUND * GRAVITY),
    ("Meganewton", 1e6),
    ("Micronewton", 1e-6),
    ("Millinewton", 1e-3),
    ("Newton", 1.0),
    ("OunceForce", POUND * GRAVITY / 16.0),
    ("Poundal", POUND * FOOT),
    ("PoundForce", POUND * GRAVITY),
    ("ShortTonForce", 2000.0 * POUND * GRAVITY),
    ("TonneForce", 1e3 * GRAVITY),
];

const LIGHT_YEAR: f64 = 9.460_730_472_58e15;
const PARSEC: f64 = 3.085_677_581_28e16;
const US_SURVEY_FOOT: f64 = 1200.0 / 3937.0;
const MILE: f64 = 5280.0 * FOOT;
const YARD: f64 = 3.0 * FOOT;

/// In metres.
const LENGTH: Factors = &[
    ("Angstrom", 1e-10),
    ("AstronomicalUnit", 1.495_978_707e11),
    ("Centimeter", 1e-2),
    ("Chain", 66.0 * FOOT),
    ("DataMile", 6000.0 * FOOT),
    ("Decameter", 10.0),
    ("Decimeter", 0.1),
    ("DtpPica", INCH / 6.0),
    ("DtpPoint", INCH / 72.0),
    ("Fathom", 6.0 * FOOT),
    ("Foot", FOOT),
    ("Hand", 4.0 * INCH),
    ("Hectometer", 100.0),
    ("Inch", INCH),
    ("KilolightYear", 1e3 * LIGHT_YEAR),
    ("Kilometer", 1e3),
    ("Kiloparsec", 1e3 * PARSEC),
    ("LightYear", LIGHT_YEAR),
    ("MegalightYear", 1e6 * LIGHT_YEAR),
    ("Megaparsec", 1e6 * PARSEC),
    ("Meter", 1.0),
    ("Microinch", 1e-6 * INCH),
    ("Micrometer", 1e-6),
    ("Mil", 1e-3 * INCH),
    ("Mile", MILE),
    ("Millimeter", 1e-3),
    ("Nanometer", 1e-9),
    ("NauticalMile", 1852.0),
    ("Parsec", PARSEC),
    ("PrinterPica", 12.0 * INCH / 72.27),
    ("PrinterPoint", INCH / 72.27),
    ("Shackle", 90.0 * FOOT),
    ("SolarRadius", 6.955_1e8),
    ("Twip", INCH / 1440.0),
    ("UsSurveyFoot", US_SURVEY_FOOT),
    ("Yard", YARD),
];

/// In kilograms.
const MASS: Factors = &[
    ("Centigram", 1e-5),
    ("Decagram", 1e-2),
    ("Decigram", 1e-4),
    ("EarthMass", 5.9722e24),
    ("Grain", POUND / 7000.0),
    ("Gram", 1e-3),
    ("Hectogram", 0.1),
    ("Kilogram", 1.0),
    ("Kilopound", 1e3 * POUND),
    ("Kilotonne", 1e6),
    ("LongHundredweight", 112.0 * POUND),
    ("LongTon", 2240.0 * POUND),
    ("Megapound", 1e6 * POUND),
    ("Megatonne", 1e9),
    ("Microgram", 1e-9),
    ("Milligram", 1e-6),
    ("Nanogram", 1e-12),
    ("Ounce", POUND / 16.0),
    ("Pound", POUND),
    ("ShortHundredweight", 100.0 * POUND),
    ("ShortTon", 2000.0 * POUND),
    ("Slug", POUND * GRAVITY / FOOT),
    ("SolarMass", 1.989_47e30),
    ("Stone", 14.0 * POUND),
    ("Tonne", 1e3),
];

/// In metres per second.
const SPEED: Factors = &[
    ("CentimeterPerHour", 1e-2 / 3600.0),
    ("CentimeterPerMinute", 1e-2 / 60.0),
    ("CentimeterPerSecond", 1e-2),
    ("DecimeterPerMinute", 0.1 / 60.0),
    ("DecimeterPerSecond", 0.1),
    ("FootPerHour", FOOT / 3600.0),
    ("FootPerMinute", FOOT / 60.0),
    ("FootPerSecond", FOOT),
    ("InchPerHour", INCH / 3600.0),
    ("InchPerMinute", INCH / 60.0),
    ("InchPerSecond", INCH),
    ("KilometerPerHour", 1e3 / 3600.0),
    ("KilometerPerMinute", 1e3 / 60.0),
    ("KilometerPerSecond", 1e3),
    ("Knot", 1852.0 / 3600.0),
    ("MeterPerHour", 1.0 / 3600.0),
    ("MeterPerMinute", 1.0 / 60.0),
    ("MeterPerSecond", 1.0),
    ("MicrometerPerMinute", 1e-6 / 60.0),
    ("MicrometerPerSecond", 1e-6),
    ("MilePerHour", MILE / 3600.0),
    ("MillimeterPerHour", 1e-3 / 3600.0),
    ("MillimeterPerMinute", 1e-3 / 60.0),
    ("MillimeterPerSecond", 1e-3),
    ("NanometerPerMinute", 1e-9 / 60.0),
    ("NanometerPerSecond", 1e-9),
    ("UsSurveyFootPerHour", US_SURVEY_FOOT / 3600.0),
    ("UsSurveyFootPerMinute", US_SURVEY_FOOT / 60.0),
    ("UsSurveyFootPerSecond", US_SURVEY_FOOT),
    ("YardPerHour", YARD / 3600.0),
    ("YardPerMinute", YARD / 60.0),
    ("YardPerSecond", YARD),
];

const LITER: f64 = 1e-3;
const CUBIC_INCH: f64 = INCH * INCH * INCH;
const CUBIC_FOOT: f64 = FOOT * FOOT * FOOT;
const US_GALLON: f64 = 231.0 * CUBIC_INCH;
const IMPERIAL_GALLON: f64 = 4.546_09 * LITER;

/// In cubic metres.
const VOLUME: Factors = &[
    // The reference's example has acre-feet of this size.
    ("AcreFoot", 1.0 / 0.000_810_714),
    ("AuTablespoon", 20e-6),
    ("BoardFoot", CUBIC_FOOT / 12.0),
    ("Centiliter", 1e-2 * LITER),
    ("CubicCentimeter", 1e-6),
    ("CubicDecimeter", 1e-3),
    ("CubicFoot", CUBIC_FOOT),
    ("CubicHectometer", 1e6),
    ("CubicInch", CUBIC_INCH),
    ("CubicKilometer", 1e9),
    ("CubicMeter", 1.0),
    ("CubicMicrometer", 1e-18),
    ("CubicMile", MILE * MILE * MILE),
    ("CubicMillimeter", 1e-9),
    ("CubicYard", YARD * YARD * YARD),
    ("Decaliter", 10.0 * LITER),
    ("DecausGallon", 10.0 * US_GALLON),
    ("Deciliter", 0.1 * LITER),
    ("DeciusGallon", 0.1 * US_GALLON),
    ("HectocubicFoot", 100.0 * CUBIC_FOOT),
    ("HectocubicMeter", 100.0),
    ("Hectoliter", 100.0 * LITER),
    ("HectousGallon", 100.0 * US_GALLON),
    ("ImperialBeerBarrel", 36.0 * IMPERIAL_GALLON),
    ("ImperialGallon", IMPERIAL_GALLON),
    ("ImperialOunce", IMPERIAL_GALLON / 160.0),
    ("ImperialPint", IMPERIAL_GALLON / 8.0),
    ("KilocubicFoot", 1e3 * CUBIC_FOOT),
    ("KilocubicMeter", 1e3),
    ("KiloimperialGallon", 1e3 * IMPERIAL_GALLON),
    ("Kiloliter", 1e3 * LITER),
    ("KilousGallon", 1e3 * US_GALLON),
    ("Liter", LITER),
    ("MegacubicFoot", 1e6 * CUBIC_FOOT),
    ("MegaimperialGallon", 1e6 * IMPERIAL_GALLON),
    ("Megaliter", 1e6 * LITER),
    ("MegausGallon", 1e6 * US_GALLON),
    ("MetricCup", 250e-6),
    ("MetricTeaspoon", 5e-6),
    ("Microliter", 1e-6 * LITER),
    ("Milliliter", 1e-3 * LITER),
    ("OilBarrel", 42.0 * US_GALLON),
    ("UkTablespoon", 15e-6),
    ("UsBeerBarrel", 31.0 * US_GALLON),
    ("UsCustomaryCup", US_GALLON / 16.0),
    ("UsGallon", US_GALLON),
    ("UsLegalCup", 240e-6),
    ("UsOunce", US_GALLON / 128.0),
    ("UsPint", US_GALLON / 8.0),
    ("UsQuart", US_GALLON / 4.0),
    ("UsTablespoon", US_GALLON / 256.0),
    ("UsTeaspoon", US_GALLON / 768.0),
];

#[cfg(test)]
mod tests {
    use super::super::testing::{call, real, string};
    use super::*;
    use datafusion::common::ScalarValue;

    fn converted(function: &str, value: f64, from: &str, to: &str) -> Option<f64> {
        let types = [ScalarType::Real, ScalarType::String, ScalarType::String];
        let udf = super::super::scalar(function, &types, ScalarType::Real).unwrap();
        match call(&udf, &[real(value), string(from), string(to)]).unwrap() {
            ScalarValue::Float64(value) => value,
            other => panic!("not a real: {other:?}"),
        }
    }

    #[test]
    fn units_of_the_reference() {
        for (function, from, to, expected) in [
            ("convert_angle", "Degree", "Arcminute", 72.0),
            ("convert_angle", "Degree", "Tilt", 0.020_942_419_883_357),
            (
                "convert_energy",
                "Joule",
                "BritishThermalUnit",
                0.001_137_380_544_375_98,
            ),
            ("convert_force", "Newton", "Decanewton", 0.12),
            ("convert_length", "Meter", "Foot", 3.937_007_874_015_75),
            ("convert_mass", "Kilogram", "Pound", 2.645_547_146_218_53),
            (
                "convert_speed",
                "MeterPerSecond",
                "CentimeterPerHour",
                432_000.0,
            ),
            ("convert_temperature", "Kelvin", "DegreeCelsius", -271.95),
            (
                "convert_temperature",
                "DegreeCelsius",
                "DegreeFahrenheit",
                34.16,
            ),
            (
                "convert_temperature",
                "DegreeCelsius",
                "DegreeDelisle",
                148.2,
            ),
            ("convert_volume", "CubicMeter", "AcreFoot", 0.000_972_856_8),
            ("convert_volume", "UsGallon", "Liter", 4.542_494_140_8),
        ] {
            let actual = converted(function, 1.2, from, to).unwrap();
            let off = (actual / expected - 1.0).abs();
            assert!(off < 1e-12, "{function} {from} {to}: {actual}");
            let back = converted(function, actual, to, from).unwrap();
            assert!(
                (back / 1.2 - 1.0).abs() < 1e-9,
                "{function} {from} {to}: {back}"
            );
        }
    }

    #[test]
    fn units_that_are_none_convert_to_null() {
        assert_eq!(converted("convert_length", 1.0, "Meter", "Kilogram"), None);
        assert_eq!(converted("convert_length", 1.0, "x", "Meter"), None);
        assert_eq!(
            converted("convert_temperature", 1.0, "Meter", "Kelvin"),
            None
        );
    }
}
