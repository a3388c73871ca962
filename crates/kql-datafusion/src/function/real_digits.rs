//! The digits of a real as Kusto writes them. They read back as the same number and are as few
//! as that takes, but of several such numbers the last digit is not always that of the closest:
//! this is the Grisu method without its final correction.

/// Powers of ten from 10^-348 on, each 10^8 times the one before: the first 64 bits.
const POWERS: [u64; 87] = [
    0xfa8f_d5a0_081c_0288,
    0xbaae_e17f_a23e_bf76,
    0x8b16_fb20_3055_ac76,
    0xcf42_894a_5dce_35ea,
    0x9a6b_b0aa_5565_3b2d,
    0xe61a_cf03_3d1a_45df,
    0xab70_fe17_c79a_c6ca,
    0xff77_b1fc_bebc_dc4f,
    0xbe56_91ef_416b_d60c,
    0x8dd0_1fad_907f_fc3c,
    0xd351_5c28_3155_9a83,
    0x9d71_ac8f_ada6_c9b5,
    0xea9c_2277_23ee_8bcb,
    0xaecc_4991_4078_536d,
    0x823c_1279_5db6_ce57,
    0xc210_9436_4dfb_5637,
    0x9096_ea6f_3848_984f,
    0xd774_85cb_2582_3ac7,
    0xa086_cfcd_97bf_97f4,
    0xef34_0a98_172a_ace5,
    0xb238_67fb_2a35_b28e,
    0x84c8_d4df_d2c6_3f3b,
    0xc5dd_4427_1ad3_cdba,
    0x936b_9fce_bb25_c996,
    0xdbac_6c24_7d62_a584,
    0xa3ab_6658_0d5f_daf6,
    0xf3e2_f893_dec3_f126,
    0xb5b5_ada8_aaff_80b8,
    0x8762_5f05_6c7c_4a8b,
    0xc9bc_ff60_34c1_3053,
    0x964e_858c_91ba_2655,
    0xdff9_7724_7029_7ebd,
    0xa6df_bd9f_b8e5_b88f,
    0xf8a9_5fcf_8874_7d94,
    0xb944_7093_8fa8_9bcf,
    0x8a08_f0f8_bf0f_156b,
    0xcdb0_2555_6531_31b6,
    0x993f_e2c6_d07b_7fac,
    0xe45c_10c4_2a2b_3b06,
    0xaa24_2499_6973_92d3,
    0xfd87_b5f2_8300_ca0e,
    0xbce5_0864_9211_1aeb,
    0x8cbc_cc09_6f50_88cc,
    0xd1b7_1758_e219_652c,
    0x9c40_0000_0000_0000,
    0xe8d4_a510_0000_0000,
    0xad78_ebc5_ac62_0000,
    0x813f_3978_f894_0984,
    0xc097_ce7b_c907_15b3,
    0x8f7e_32ce_7bea_5c70,
    0xd5d2_38a4_abe9_8068,
    0x9f4f_2726_179a_2245,
    0xed63_a231_d4c4_fb27,
    0xb0de_6538_8cc8_ada8,
    0x83c7_088e_1aab_65db,
    0xc45d_1df9_4271_1d9a,
    0x924d_692c_a61b_e758,
    0xda01_ee64_1a70_8dea,
    0xa26d_a399_9aef_774a,
    0xf209_787b_b47d_6b85,
    0xb454_e4a1_79dd_1877,
    0x865b_8692_5b9b_c5c2,
    0xc835_53c5_c896_5d3d,
    0x952a_b45c_fa97_a0b3,
    0xde46_9fbd_99a0_5fe3,
    0xa59b_c234_db39_8c25,
    0xf6c6_9a72_a398_9f5c,
    0xb7dc_bf53_54e9_bece,
    0x88fc_f317_f222_41e2,
    0xcc20_ce9b_d35c_78a5,
    0x9816_5af3_7b21_53df,
    0xe2a0_b5dc_971f_303a,
    0xa8d9_d153_5ce3_b396,
    0xfb9b_7cd9_a4a7_443c,
    0xbb76_4c4c_a7a4_4410,
    0x8bab_8eef_b640_9c1a,
    0xd01f_ef10_a657_842c,
    0x9b10_a4e5_e991_3129,
    0xe710_9bfb_a19c_0c9d,
    0xac28_20d9_623b_f429,
    0x8044_4b5e_7aa7_cf85,
    0xbf21_e440_03ac_dd2d,
    0x8e67_9c2f_5e44_ff8f,
    0xd433_179d_9c8c_b841,
    0x9e19_db92_b4e3_1ba9,
    0xeb96_bf6e_badf_77d9,
    0xaf87_023b_9bf0_ee6b,
];

/// Exponent of the first power.
const POWER_MIN: i32 = -348;

/// Digits after the point up to which the last digit is corrected to that of the closest number.
const CORRECTED_DIGITS_MAX: u32 = 8;

/// A number as `significand * 2^exponent`.
#[derive(Clone, Copy)]
struct Binary {
    significand: u64,
    exponent: i32,
}

impl Binary {
    fn normalized(self) -> Self {
        let zeros = self.significand.leading_zeros();
        Self {
            significand: self.significand << zeros,
            exponent: self.exponent - zeros as i32,
        }
    }

    /// The product, rounded to 64 bits.
    fn times(self, other: Self) -> Self {
        let product = u128::from(self.significand) * u128::from(other.significand);
        let (high, low) = ((product >> 64) as u64, product as u64);
        Self {
            significand: high + (low >> 63),
            exponent: self.exponent + other.exponent + 64,
        }
    }
}

/// The digits of a positive finite number, and the power of ten they are multiplied by.
pub(super) fn digits(value: f64) -> (u64, i32) {
    let bits = value.to_bits();
    let (fraction, biased) = (bits & ((1 << 52) - 1), (bits >> 52) as i32 & 0x7ff);
    let (significand, exponent) = if biased == 0 {
        (fraction, -1074)
    } else {
        (fraction | (1 << 52), biased - 1075)
    };
    // Half way to the next numbers; the one below is closer for powers of two.
    let upper = Binary {
        significand: 2 * significand + 1,
        exponent: exponent - 1,
    }
    .normalized();
    let (significand_below, exponent_below) = if significand == 1 << 52 {
        (4 * significand - 1, exponent - 2)
    } else {
        (2 * significand - 1, exponent - 1)
    };
    let lower = Binary {
        significand: significand_below << (exponent_below - upper.exponent),
        exponent: upper.exponent,
    };
    let middle = Binary {
        significand,
        exponent,
    }
    .normalized();
    let (power, decimal_exponent) = power_for(upper.exponent);
    let (upper, lower) = (upper.times(power), lower.times(power));
    let middle = middle.times(power);
    generate(
        Binary {
            significand: upper.significand - 1,
            ..upper
        },
        (upper.significand - 1) - (lower.significand + 1),
        (upper.significand - 1) - middle.significand,
        decimal_exponent,
    )
}

/// The power of ten that brings a number of this exponent into the range of 64 bits, and the
/// power that makes up for it.
fn power_for(exponent: i32) -> (Binary, i32) {
    let wanted = f64::from(-61 - exponent) * 0.301_029_995_663_981_14 + 347.0;
    let index = (wanted.ceil() as usize >> 3) + 1;
    let decimal = POWER_MIN + 8 * index as i32;
    let power = Binary {
        significand: POWERS[index],
        exponent: ((decimal * 217_706) >> 16) - 63,
    };
    (power, -decimal)
}

/// Digits of `upper` until what is left is less than `width`. `distance` is that of the number
/// itself from `upper`.
fn generate(upper: Binary, width: u64, distance: u64, exponent: i32) -> (u64, i32) {
    let shift = -upper.exponent as u32;
    let one = 1_u64 << shift;
    let (mut whole, mut part) = (
        (upper.significand >> shift) as u32,
        upper.significand & (one - 1),
    );
    let mut kappa = whole.checked_ilog10().map_or(0, |log| log + 1);
    let mut digits = 0_u64;
    while kappa > 0 {
        let place = 10_u32.pow(kappa - 1);
        digits = digits * 10 + u64::from(whole / place);
        whole %= place;
        kappa -= 1;
        let rest = (u64::from(whole) << shift) + part;
        if rest <= width {
            let unit = u64::from(10_u32.pow(kappa)) << shift;
            let digits = corrected(digits, width, rest, unit, distance);
            return (digits, exponent + kappa as i32);
        }
    }
    let (mut width, mut after_point) = (width, 0);
    loop {
        (part, width) = (part * 10, width * 10);
        digits = digits * 10 + (part >> shift);
        part &= one - 1;
        after_point += 1;
        if part < width {
            let distance = if after_point <= CORRECTED_DIGITS_MAX {
                distance.saturating_mul(10_u64.pow(after_point))
            } else {
                0
            };
            let digits = corrected(digits, width, part, one, distance);
            return (digits, exponent - after_point as i32);
        }
    }
}

/// Lowers the last digit while that brings the number closer.
fn corrected(mut digits: u64, width: u64, mut rest: u64, unit: u64, distance: u64) -> u64 {
    while rest < distance
        && width - rest >= unit
        && (rest + unit < distance || distance - rest > rest + unit - distance)
    {
        digits -= 1;
        rest += unit;
    }
    digits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_of_known_numbers() {
        for (value, expected) in [
            (0.1 + 0.2, (30_000_000_000_000_007, -17)),
            (40.764_323_000_000_005, (40_764_323_000_000_008, -15)),
            (1.0, (1, 0)),
            (0.1, (1, -1)),
            (1.0 / 3.0, (3_333_333_333_333_333, -16)),
            (123_456.789, (123_456_789, -3)),
            (5e-324, (5, -324)),
            (f64::MAX, (17_976_931_348_623_157, 292)),
        ] {
            assert_eq!(digits(value), expected, "{value}");
        }
    }

    #[test]
    fn digits_read_back_as_the_same_number() {
        let mut bits = 1_u64;
        for _ in 0..100_000 {
            bits = bits.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let value = f64::from_bits(bits >> 1);
            if value.is_finite() && value > 0.0 {
                let (digits, exponent) = digits(value);
                let text = format!("{digits}e{exponent}");
                let read: f64 = text.parse().unwrap();
                assert_eq!(read.to_bits(), value.to_bits(), "{text}");
            }
        }
    }
}
