//! How the hunting APIs write what their documentation leaves open, so that a reader can be tried
//! against every way: `bool=number`, `dynamic=object`, `schema=last`, `keys=camel`,
//! `members=pascal`.

use std::str::FromStr;

/// How booleans are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BoolForm {
    /// Type `SByte`, `true` and `false`.
    #[default]
    SByte,
    /// Type `SByte`, 1 and 0.
    Number,
    /// Type `Boolean`, `true` and `false`.
    Boolean,
}

/// How hunting answers are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Encoding {
    /// Booleans.
    pub bools: BoolForm,
    /// Whether dynamic values are JSON of their own rather than text with JSON in it.
    pub dynamic_objects: bool,
    /// Whether the columns come behind the rows.
    pub schema_last: bool,
    /// Whether the names of columns begin with a small letter in rows, as in one sample of the
    /// documentation.
    pub camel_keys: bool,
    /// Whether the members of Graph's columns are `Name` and `Type`, as in older samples.
    pub pascal_members: bool,
}

/// A setting of the encoding that there is not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no encoding; there are bool=sbyte|number|boolean, dynamic=text|object, \
     schema=first|last, keys=exact|camel and members=camel|pascal"
)]
pub struct UnknownEncoding(String);

impl Encoding {
    /// Changes one setting, such as `bool=number`.
    pub fn set(&mut self, text: &str) -> Result<(), UnknownEncoding> {
        match text {
            "bool=sbyte" => self.bools = BoolForm::SByte,
            "bool=number" => self.bools = BoolForm::Number,
            "bool=boolean" => self.bools = BoolForm::Boolean,
            "dynamic=text" => self.dynamic_objects = false,
            "dynamic=object" => self.dynamic_objects = true,
            "schema=first" => self.schema_last = false,
            "schema=last" => self.schema_last = true,
            "keys=exact" => self.camel_keys = false,
            "keys=camel" => self.camel_keys = true,
            "members=camel" => self.pascal_members = false,
            "members=pascal" => self.pascal_members = true,
            _ => return Err(UnknownEncoding(text.to_owned())),
        }
        Ok(())
    }
}

impl FromStr for Encoding {
    type Err = UnknownEncoding;

    /// Settings with commas between them.
    fn from_str(text: &str) -> Result<Self, UnknownEncoding> {
        let mut encoding = Self::default();
        for setting in text.split(',') {
            encoding.set(setting.trim())?;
        }
        Ok(encoding)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read_and_others_refused() {
        let encoding: Encoding = "bool=number, schema=last".parse().unwrap();
        let expected = Encoding {
            bools: BoolForm::Number,
            schema_last: true,
            ..Encoding::default()
        };
        assert_eq!(encoding, expected);
        let error = "bool=bit".parse::<Encoding>().unwrap_err().to_string();
        assert!(error.contains("bool=sbyte|number"), "{error}");
    }
}
