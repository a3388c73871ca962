//! The made-up company: its people and machines.

use super::random::{Random, guid_of, hex_of};

/// The company's mail and Active Directory domain.
pub(super) const DOMAIN: &str = "meridian.example";
/// Its NetBIOS name.
pub(super) const NETBIOS: &str = "meridian";

const FIRST_NAMES: [&str; 24] = [
    "amara", "bruno", "carla", "deniz", "elif", "farid", "greta", "hanna", "ivo", "jonas", "kaya",
    "lena", "mateo", "nadia", "oskar", "priya", "quinn", "rosa", "samir", "tilda", "umar", "vera",
    "wout", "yara",
];
const LAST_NAMES: [&str; 20] = [
    "adler", "berg", "costa", "dahl", "endo", "ferro", "gruber", "haas", "iqbal", "jansen",
    "keller", "lund", "moreau", "novak", "okafor", "petrov", "reyes", "sato", "turner", "weber",
];

/// The company.
#[derive(Debug)]
pub(super) struct Estate {
    /// People, one to a workstation.
    pub(super) people: Vec<Person>,
    /// Workstations first, in the order of their people, then servers.
    pub(super) devices: Vec<Device>,
}

/// A person with an account.
#[derive(Clone, Debug)]
pub(super) struct Person {
    pub(super) account: String,
    pub(super) display_name: String,
    pub(super) sid: String,
    pub(super) object_id: String,
    /// Position of their workstation.
    pub(super) device: usize,
}

impl Person {
    pub(super) fn upn(&self) -> String {
        format!("{}@{DOMAIN}", self.account)
    }
}

/// A machine.
#[derive(Clone, Debug)]
pub(super) struct Device {
    pub(super) name: String,
    pub(super) id: String,
    pub(super) ip: String,
    pub(super) role: Role,
}

/// What a machine is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Workstation,
    DomainController,
    FileServer,
    WebServer,
    DatabaseServer,
}

impl Estate {
    /// Makes up a company with this many devices, five of them servers.
    pub(super) fn invent(random: &mut Random, devices: u32) -> Self {
        let servers = [
            ("srv-dc-01", Role::DomainController),
            ("srv-dc-02", Role::DomainController),
            ("srv-file-01", Role::FileServer),
            ("srv-web-01", Role::WebServer),
            ("srv-sql-01", Role::DatabaseServer),
        ];
        let workstations = (devices as usize).saturating_sub(servers.len());
        let offset = random.below(1_000) as usize;
        let mut people = Vec::with_capacity(workstations);
        let mut machines = Vec::with_capacity(devices as usize);
        for number in 0..workstations {
            let first = FIRST_NAMES[(offset + number) % FIRST_NAMES.len()];
            let last = LAST_NAMES[(offset / 7 + number * 3) % LAST_NAMES.len()];
            let round = number / (FIRST_NAMES.len() * LAST_NAMES.len() / 4);
            let suffix = if round == 0 {
                String::new()
            } else {
                round.to_string()
            };
            let account = format!("{first}.{last}{suffix}");
            let display_name = format!("{} {}", capitalized(first), capitalized(last));
            let sid = format!("S-1-5-21-1004336348-1177238915-682003330-{}", 1104 + number);
            let object_id = guid_of(&format!("object/{account}"));
            people.push(Person {
                account,
                display_name,
                sid,
                object_id,
                device: number,
            });
            let kind = if random.permille(700) { "lt" } else { "ws" };
            let name = format!("{kind}-{:03}", number + 101);
            let ip = format!("10.20.{}.{}", 8 + number / 200, 20 + number % 200);
            machines.push(Device::new(&name, ip, Role::Workstation));
        }
        for (number, (name, role)) in servers.into_iter().enumerate() {
            machines.push(Device::new(name, format!("10.20.1.{}", 10 + number), role));
        }
        Self {
            people,
            devices: machines,
        }
    }

    /// The first server with this role; there is one of each.
    pub(super) fn server(&self, role: Role) -> &Device {
        self.devices
            .iter()
            .find(|device| device.role == role)
            .unwrap_or_else(|| &self.devices[self.devices.len() - 1])
    }

    /// The workstation of a person.
    pub(super) fn device_of(&self, person: &Person) -> &Device {
        &self.devices[person.device]
    }
}

impl Device {
    fn new(name: &str, ip: String, role: Role) -> Self {
        let id = hex_of(&format!("device/{name}"), 40);
        Self {
            name: format!("{name}.{DOMAIN}"),
            id,
            ip,
            role,
        }
    }

    pub(super) fn is_server(&self) -> bool {
        self.role != Role::Workstation
    }
}

fn capitalized(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().collect::<String>() + letters.as_str()
    })
}
