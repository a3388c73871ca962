//! What people say of machines: tags and how much they are worth.

use std::sync::Arc;

use serde_json::Value;

use super::super::Security;
use super::super::call::{Call, Object, Reply, Request, Roles};
use super::super::error::ApiError;
use super::{Machine, Overlay, told, values};

/// Most machines of one request.
const MACHINES_MAX: usize = 500;
/// Longest tag.
const TAG_CHARS_MAX: usize = 200;
/// Most tags of a machine.
const TAGS_MAX: usize = 100;

pub(super) fn calls(write: Roles) -> Vec<Call> {
    vec![
        Call::post("/api/machines/{}/tags", write, tag),
        Call::post(
            "/api/machines/AddOrRemoveTagForMultipleMachines",
            write,
            tag_several,
        ),
        Call::post("/api/machines/{}/setDeviceValue", write, set_value),
    ]
}

enum Tagging {
    Add(String),
    Remove(String),
}

impl Tagging {
    fn of(body: &Object) -> Result<Self, ApiError> {
        let tag = body.required("Value")?.trim().to_owned();
        if tag.chars().count() > TAG_CHARS_MAX {
            return Err(ApiError::invalid_input("The tag is too long"));
        }
        match body.required("Action")? {
            "Add" => Ok(Self::Add(tag)),
            "Remove" => Ok(Self::Remove(tag)),
            _ => Err(ApiError::invalid_input("Action is neither Add nor Remove")),
        }
    }

    fn apply(&self, machine: &Machine, overlay: &mut Overlay) -> Result<(), ApiError> {
        let mut tags = overlay.tags(machine).to_vec();
        match self {
            Self::Add(tag) if tags.contains(tag) => {}
            Self::Add(_) if tags.len() >= TAGS_MAX => {
                return Err(ApiError::invalid_input("The machine has too many tags"));
            }
            Self::Add(tag) => tags.push(tag.clone()),
            Self::Remove(tag) => tags.retain(|other| other != tag),
        }
        overlay.said(machine).tags = Some(tags);
        Ok(())
    }
}

async fn tag(security: Arc<Security>, request: Request) -> Result<Reply, ApiError> {
    let body = request.object()?;
    let tagging = Tagging::of(&body)?;
    body.only(&["Value", "Action"])?;
    security.read_alerts().await?;
    let machines = security.machines().await?;
    let machine = machines.find(request.found(0))?;
    let mut known = security.known();
    tagging.apply(machine, &mut known.overlay)?;
    let machine = told(machine, &known, security.now());
    Ok(Reply::entity(&request, "Machines", machine))
}

async fn tag_several(security: Arc<Security>, request: Request) -> Result<Reply, ApiError> {
    let body = request.object()?;
    let tagging = Tagging::of(&body)?;
    let ids = body.texts("MachineIds")?.unwrap_or_default();
    if ids.is_empty() {
        return Err(ApiError::missing_parameter("MachineIds"));
    }
    if ids.len() > MACHINES_MAX {
        return Err(ApiError::bad(
            "MaximumBatchSizeExceeded",
            format!("At most {MACHINES_MAX} machines can be tagged at once"),
        ));
    }
    body.only(&["Value", "Action", "MachineIds"])?;
    security.read_alerts().await?;
    let machines = security.machines().await?;
    let tagged: Vec<&Machine> = ids
        .iter()
        .map(|id| machines.find(id))
        .collect::<Result<_, _>>()?;
    {
        let mut known = security.known();
        for machine in &tagged {
            tagging.apply(machine, &mut known.overlay)?;
        }
    }
    let tagged: Vec<Value> = values(&security, tagged.into_iter());
    Ok(Reply::list(&request, "Machines", tagged))
}

async fn set_value(security: Arc<Security>, request: Request) -> Result<Reply, ApiError> {
    let body = request.object()?;
    let value = body.required("DeviceValue")?;
    if !["Normal", "Low", "High"].contains(&value) {
        return Err(ApiError::invalid_input(
            "DeviceValue is not Normal, Low or High",
        ));
    }
    body.only(&["DeviceValue"])?;
    security.read_alerts().await?;
    let machines = security.machines().await?;
    let machine = machines.find(request.found(0))?;
    let mut known = security.known();
    known.overlay.said(machine).value = Some(value.to_owned());
    let machine = told(machine, &known, security.now());
    Ok(Reply::entity(&request, "Machines", machine))
}
