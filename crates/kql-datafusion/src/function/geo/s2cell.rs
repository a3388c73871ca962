//! The cells of the S2 library: six faces of a cube, each divided into quarters up to thirty
//! times and numbered along a Hilbert curve. The functions over cells are in `s2functions.rs`.

use super::vector::Vector;

/// Level of the smallest cells.
pub(super) const LEVEL_MAX: u32 = 30;

/// Smallest cells along the side of a face.
const SIDE: i64 = 1 << LEVEL_MAX;

/// Position along the curve of the quarter of each row and column, by orientation.
const POSITION_OF_QUARTER: [[u64; 4]; 4] = [[0, 1, 3, 2], [0, 3, 1, 2], [2, 3, 1, 0], [2, 1, 3, 0]];

/// The reverse.
const QUARTER_OF_POSITION: [[u64; 4]; 4] = [[0, 1, 3, 2], [0, 2, 3, 1], [3, 2, 0, 1], [3, 1, 0, 2]];

/// What each quarter along the curve changes of the orientation.
const TURN: [usize; 4] = [1, 0, 0, 3];

/// A cell by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Cell(u64);

impl Cell {
    /// The smallest cell at a point.
    pub(super) fn at(point: Vector) -> Self {
        let (face, u, v) = face_of(point);
        Self::leaf(face, index_of(u), index_of(v))
    }

    /// The whole of a face of the cube.
    pub(super) fn face_cell(face: u64) -> Self {
        Self((face << 61) | (1 << 60))
    }

    /// The cell of a token, which is its number in hexadecimal without the zeros at the end.
    pub(super) fn parse(token: &str) -> Option<Self> {
        if !(1..=16).contains(&token.len()) || !token.bytes().all(|c| c.is_ascii_hexdigit()) {
            return None;
        }
        let digits = u64::from_str_radix(token, 16).ok()?;
        let number = digits << (4 * (16 - token.len()));
        let is_valid =
            number >> 61 < 6 && number.wrapping_neg() & number & 0x1555_5555_5555_5555 != 0;
        is_valid.then_some(Self(number))
    }

    /// The token.
    pub(super) fn token(self) -> String {
        let digits = format!("{:016x}", self.0);
        digits.trim_end_matches('0').to_owned()
    }

    /// How often its face was divided.
    pub(super) fn level(self) -> u32 {
        LEVEL_MAX - self.0.trailing_zeros() / 2
    }

    /// The cell of a level around this one, which must be smaller or the same.
    pub(super) fn parent(self, level: u32) -> Self {
        let lowest = 1_u64 << (2 * (LEVEL_MAX - level));
        Self((self.0 & lowest.wrapping_neg()) | lowest)
    }

    /// Its quarters along the curve, unless it is one of the smallest.
    pub(super) fn children(self) -> Option<[Self; 4]> {
        let lowest = self.0 & self.0.wrapping_neg();
        let step = lowest >> 2;
        let first = (self.0 - lowest).wrapping_add(step);
        (lowest > 1).then(|| [0, 1, 2, 3].map(|quarter| Self(first + quarter * 2 * step)))
    }

    /// The smallest cell of a row and column of a face.
    fn leaf(face: u64, i: i64, j: i64) -> Self {
        let (mut number, mut orientation) = (face, face as usize & 1);
        for bit in (0..LEVEL_MAX).rev() {
            let quarter = (((i >> bit) & 1) << 1 | ((j >> bit) & 1)) as usize;
            let position = POSITION_OF_QUARTER[orientation][quarter];
            number = number << 2 | position;
            orientation ^= TURN[position as usize];
        }
        Self(number << 1 | 1)
    }

    /// The face, and the row and column of the first of the smallest cells in it.
    fn rows(self) -> (u64, i64, i64) {
        let face = self.0 >> 61;
        let (mut orientation, mut i, mut j) = (face as usize & 1, 0, 0);
        for bit in (LEVEL_MAX - self.level()..LEVEL_MAX).rev() {
            let position = (self.0 >> (2 * bit + 1)) & 3;
            let quarter = QUARTER_OF_POSITION[orientation][position as usize];
            i |= ((quarter >> 1) as i64) << bit;
            j |= ((quarter & 1) as i64) << bit;
            orientation ^= TURN[position as usize];
        }
        (face, i, j)
    }

    /// Smallest cells along its side.
    fn size(self) -> i64 {
        1 << (LEVEL_MAX - self.level())
    }

    /// The middle.
    pub(super) fn center(self) -> Vector {
        let (face, i, j) = self.rows();
        let half = self.size() as f64 / 2.0;
        let at = |index: i64| (index as f64 + half) / SIDE as f64;
        on_face(face, of_side(at(i)), of_side(at(j))).normalized()
    }

    /// The corners, counterclockwise.
    pub(super) fn corners(self) -> [Vector; 4] {
        let (face, i, j) = self.rows();
        let at = |index: i64| of_side(index as f64 / SIDE as f64);
        let (low, high) = ((at(i), at(j)), (at(i + self.size()), at(j + self.size())));
        [
            (low.0, low.1),
            (high.0, low.1),
            (high.0, high.1),
            (low.0, high.1),
        ]
        .map(|(u, v)| on_face(face, u, v).normalized())
    }

    /// The cells of its level around it: seven at a corner of the cube, eight elsewhere.
    pub(super) fn neighbors(self) -> Vec<Self> {
        let (face, i, j) = self.rows();
        let (size, level) = (self.size(), self.level());
        let mut neighbors = Vec::with_capacity(8);
        for (row, column) in NEIGHBORS {
            let neighbor = wrapped(face, i + row * size, j + column * size).parent(level);
            if neighbor != self && !neighbors.contains(&neighbor) {
                neighbors.push(neighbor);
            }
        }
        neighbors
    }
}

/// The steps to the cells around, in rows and columns.
const NEIGHBORS: [(i64, i64); 8] = [
    (-1, -1),
    (1, -1),
    (0, -1),
    (0, 1),
    (-1, 0),
    (1, 0),
    (-1, 1),
    (1, 1),
];

/// The smallest cell of a row and column that may lie beyond the edge of the face.
fn wrapped(face: u64, i: i64, j: i64) -> Cell {
    if (0..SIDE).contains(&i) && (0..SIDE).contains(&j) {
        return Cell::leaf(face, i, j);
    }
    // Just outside the face the projection is continued without bends, and just far enough
    // out to land on the neighbour.
    let (i, j) = (i.clamp(-1, SIDE), j.clamp(-1, SIDE));
    let limit = 1.0 + f64::EPSILON;
    let at = |index: i64| ((2 * (index - SIDE / 2) + 1) as f64 / SIDE as f64).clamp(-limit, limit);
    let (face, u, v) = face_of(on_face(face, at(i), at(j)));
    let index = |u: f64| ((f64::midpoint(u, 1.0) * SIDE as f64) as i64).clamp(0, SIDE - 1);
    Cell::leaf(face, index(u), index(v))
}

/// The face that a point projects to, and where on it, from -1 to 1 each way.
fn face_of(p: Vector) -> (u64, f64, f64) {
    let (x, y, z) = (p.x.abs(), p.y.abs(), p.z.abs());
    if x > y && x > z {
        if p.x >= 0.0 {
            (0, p.y / p.x, p.z / p.x)
        } else {
            (3, p.z / p.x, p.y / p.x)
        }
    } else if y > z {
        if p.y >= 0.0 {
            (1, -p.x / p.y, p.z / p.y)
        } else {
            (4, p.z / p.y, -p.x / p.y)
        }
    } else if p.z >= 0.0 {
        (2, -p.x / p.z, -p.y / p.z)
    } else {
        (5, -p.y / p.z, -p.x / p.z)
    }
}

/// The direction of a point of a face.
fn on_face(face: u64, u: f64, v: f64) -> Vector {
    match face {
        0 => Vector::new(1.0, u, v),
        1 => Vector::new(-u, 1.0, v),
        2 => Vector::new(-u, -v, 1.0),
        3 => Vector::new(-1.0, -v, -u),
        4 => Vector::new(v, -1.0, -u),
        _ => Vector::new(v, u, -1.0),
    }
}

/// The row of a coordinate: a quadratic curve makes cells nearly equal in size.
fn index_of(u: f64) -> i64 {
    let side = if u >= 0.0 {
        0.5 * (1.0 + 3.0 * u).sqrt()
    } else {
        1.0 - 0.5 * (1.0 - 3.0 * u).sqrt()
    };
    ((side * SIDE as f64).floor() as i64).clamp(0, SIDE - 1)
}

/// The coordinate at a fraction of the side, the reverse of `index_of`.
fn of_side(s: f64) -> f64 {
    if s >= 0.5 {
        (1.0 / 3.0) * (4.0 * s * s - 1.0)
    } else {
        (1.0 / 3.0) * (1.0 - 4.0 * (1.0 - s) * (1.0 - s))
    }
}
