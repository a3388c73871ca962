//! `parse_user_agent`: browser, operating system and device by the words that user agents are
//! made of. The rules are few and know what is common; the rest is `Other`.

use kql::types::ScalarType;

use super::arguments::{Arguments, Texts};
use super::json;
use super::udf::{Evaluate, code};

/// `parse_user_agent` by name.
pub(super) fn find(name: &str, _: &[ScalarType]) -> Option<Evaluate> {
    (name == "parse_user_agent").then(|| {
        code(|arguments| {
            let agents = arguments.texts(0)?;
            let wanted = wanted(arguments)?;
            arguments.optional_strings(|row, out| {
                let parts = match &wanted {
                    Some((texts, true)) => elements(texts.get(row)?),
                    Some((texts, false)) => vec![texts.text(row).to_owned()],
                    None => ["browser", "os", "device"].map(str::to_owned).to_vec(),
                };
                write(agents.text(row), &parts, out)
            })
        })
    })
}

/// The argument that says which parts are wanted, and whether it is dynamic.
fn wanted(arguments: &Arguments<'_>) -> datafusion::common::Result<Option<(Texts, bool)>> {
    if arguments.len() < 2 {
        return Ok(None);
    }
    let is_dynamic = arguments.ty(1) == ScalarType::Dynamic;
    Ok(Some((arguments.raw(1)?, is_dynamic)))
}

/// The texts of an array, or of a text alone.
fn elements(json: &str) -> Vec<String> {
    match json::elements(json) {
        Some(elements) => elements
            .map(|element| json::unescape(element).into_owned())
            .collect(),
        None => vec![json::unescape(json).into_owned()],
    }
}

/// Writes the wanted parts; nothing if none of them is one.
fn write(agent: &str, parts: &[String], out: &mut String) -> Option<()> {
    let is_wanted = |name: &str| parts.iter().any(|part| part.eq_ignore_ascii_case(name));
    out.push('{');
    if is_wanted("browser") {
        let (family, version) = browser(agent);
        let values = ["", version[0], version[1], version[2]];
        write_part("Browser", family, &VERSION[..4], &values, out);
    }
    if is_wanted("os") {
        let (family, version) = system(agent);
        let values = ["", version[0], version[1], version[2], version[3]];
        write_part("OperatingSystem", family, &VERSION, &values, out);
    }
    if is_wanted("device") {
        let device = device(agent);
        let keys = ["Family", "Brand", "Model"];
        let values = ["", device.brand, device.model];
        write_part("Device", &device.family, &keys, &values, out);
    }
    out.push('}');
    (out.len() > 2).then_some(())
}

const VERSION: [&str; 5] = [
    "Family",
    "MajorVersion",
    "MinorVersion",
    "Patch",
    "PatchMinor",
];

fn write_part(name: &str, family: &str, keys: &[&str], values: &[&str], out: &mut String) {
    if out.len() > 1 {
        out.push(',');
    }
    json::write_string(name, out);
    out.push_str(":{");
    for (position, (key, value)) in keys.iter().zip(values).enumerate() {
        if position > 0 {
            out.push(',');
        }
        json::write_string(key, out);
        out.push(':');
        json::write_string(if position == 0 { family } else { value }, out);
    }
    out.push('}');
}

/// Up to four numbers of a version; those that are not there are empty.
type Version<'a> = [&'a str; 4];

/// The version at the start of a text: numbers with dots or underscores between them.
fn version(text: &str) -> Version<'_> {
    let mut parts = [""; 4];
    let mut rest = text;
    for part in &mut parts {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        if digits == 0 {
            break;
        }
        *part = &rest[..digits];
        match rest[digits..].strip_prefix(['.', '_']) {
            Some(next) => rest = next,
            None => break,
        }
    }
    parts
}

/// The version behind the first place of a word.
fn version_after<'a>(agent: &'a str, word: &str) -> Option<Version<'a>> {
    let (_, behind) = agent.split_once(word)?;
    Some(version(behind))
}

/// Words that tell a browser whatever else the text says, and its family. The first one that
/// occurs counts: many browsers name those that they are compatible with as well.
const BROWSERS: &[(&str, &str)] = &[
    ("AdobeAIR/", "AdobeAIR"),
    ("EdgA/", "Edge Mobile"),
    ("EdgiOS/", "Edge Mobile"),
    ("Edg/", "Edge"),
    ("Edge/", "Edge"),
    ("Opera Mini/", "Opera Mini"),
    ("OPR/", "Opera"),
    ("Vivaldi/", "Vivaldi"),
    ("YaBrowser/", "Yandex Browser"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("UCBrowser/", "UC Browser"),
    ("DuckDuckGo/", "DuckDuckGo Mobile"),
    ("HeadlessChrome/", "HeadlessChrome"),
    ("Electron/", "Electron"),
    ("CriOS/", "Chrome Mobile iOS"),
    ("FxiOS/", "Firefox iOS"),
    ("Thunderbird/", "Thunderbird"),
    ("SeaMonkey/", "SeaMonkey"),
    ("PhantomJS/", "PhantomJS"),
    ("Series60/", "Nokia OSS Browser"),
    ("python-requests/", "Python Requests"),
    ("Python-urllib/", "Python-urllib"),
    ("aiohttp/", "aiohttp"),
    ("Go-http-client/", "Go-http-client"),
    ("Apache-HttpClient/", "Apache-HttpClient"),
    ("okhttp/", "okhttp"),
    ("curl/", "curl"),
    ("Wget/", "Wget"),
    ("axios/", "axios"),
    ("PostmanRuntime/", "PostmanRuntime"),
    ("WindowsPowerShell/", "WindowsPowerShell"),
    ("libwww-perl/", "libwww-perl"),
    ("Java/", "Java"),
];

fn browser(agent: &str) -> (&str, Version<'_>) {
    if let Some((name, version)) = bot(agent) {
        return (name, version);
    }
    for (word, family) in BROWSERS {
        if let Some(version) = version_after(agent, word) {
            return (family, version);
        }
    }
    let is_mobile = agent.contains("Mobile") || agent.contains("Tablet");
    let is_apple_mobile = APPLE_MOBILES.iter().any(|name| agent.contains(name));
    if let Some(found) = agent.strip_prefix("Opera/") {
        return (
            "Opera",
            version_after(agent, "Version/").unwrap_or(version(found)),
        );
    }
    if let Some(found) = version_after(agent, "IEMobile/") {
        return ("IE Mobile", found);
    }
    if let Some(found) = version_after(agent, "MSIE ") {
        return ("IE", found);
    }
    if agent.contains("Trident/")
        && let Some(found) = version_after(agent, "rv:")
    {
        return ("IE", found);
    }
    if let Some(found) = version_after(agent, "Firefox/") {
        return (
            if is_mobile {
                "Firefox Mobile"
            } else {
                "Firefox"
            },
            found,
        );
    }
    if let Some(found) = version_after(agent, "Chrome/") {
        let family = match (agent.contains("Android"), agent.contains("; wv)")) {
            (true, true) => "Chrome Mobile WebView",
            (true, false) if is_mobile => "Chrome Mobile",
            _ => "Chrome",
        };
        return (family, found);
    }
    if agent.contains("AppleWebKit/") {
        let found = version_after(agent, "Version/");
        return match (agent.contains("Android"), is_apple_mobile, found) {
            (true, _, Some(found)) => ("Android", found),
            (_, true, Some(found)) => ("Mobile Safari", found),
            (_, true, None) => ("Mobile Safari UI/WKWebView", [""; 4]),
            (_, false, Some(found)) if agent.contains("Safari/") => ("Safari", found),
            _ => ("Other", [""; 4]),
        };
    }
    ("Other", [""; 4])
}

/// A word such as `Googlebot/2.1` or `AhrefsBot/7.0`: its name and version.
fn bot(agent: &str) -> Option<(&str, Version<'_>)> {
    const SIGNS: [&str; 3] = ["bot", "spider", "crawler"];
    let words = agent.split([' ', ';', '(', ')', ',']);
    for word in words {
        let (name, number) = word.split_once('/').unwrap_or((word, ""));
        let lower = name.to_ascii_lowercase();
        if SIGNS.iter().any(|sign| lower.ends_with(sign)) && name.is_ascii() {
            return Some((name, version(number)));
        }
    }
    None
}

/// Names of Windows by the number of its kernel.
const WINDOWS: &[(&str, &str, &str)] = &[
    ("Windows NT 10.0", "10", ""),
    ("Windows NT 6.3", "8", "1"),
    ("Windows NT 6.2", "8", ""),
    ("Windows NT 6.1", "7", ""),
    ("Windows NT 6.0", "Vista", ""),
    ("Windows NT 5.2", "XP", ""),
    ("Windows NT 5.1", "XP", ""),
    ("Windows NT 5.0", "2000", ""),
    ("Windows 98", "98", ""),
    ("Windows 95", "95", ""),
];

/// Words in front of the version of a system, and its family.
const SYSTEMS: &[(&str, &str)] = &[
    ("Windows Phone OS ", "Windows Phone"),
    ("Windows Phone ", "Windows Phone"),
    ("iPhone OS ", "iOS"),
    ("CPU OS ", "iOS"),
    ("SymbianOS/", "Symbian OS"),
    ("Tizen ", "Tizen"),
    ("KAIOS/", "KaiOS"),
    ("Android ", "Android"),
    ("Mac OS X ", "Mac OS X"),
    ("CrOS x86_64 ", "Chrome OS"),
    ("CrOS armv7l ", "Chrome OS"),
    ("CrOS aarch64 ", "Chrome OS"),
    ("Ubuntu/", "Ubuntu"),
    ("Fedora/", "Fedora"),
    ("FreeBSD ", "FreeBSD"),
    ("OpenBSD ", "OpenBSD"),
];

/// Words that name a system without its version.
const SYSTEM_NAMES: &[(&str, &str)] = &[
    ("Windows", "Windows"),
    ("iPhone", "iOS"),
    ("iPad", "iOS"),
    ("Android", "Android"),
    ("Macintosh", "Mac OS X"),
    ("Mac OS X", "Mac OS X"),
    ("CrOS", "Chrome OS"),
    ("Ubuntu", "Ubuntu"),
    ("Fedora", "Fedora"),
    ("Debian", "Debian"),
    ("FreeBSD", "FreeBSD"),
    ("OpenBSD", "OpenBSD"),
    ("Linux", "Linux"),
];

fn system(agent: &str) -> (&str, Version<'_>) {
    for (word, major, minor) in WINDOWS {
        if agent.contains(word) {
            return ("Windows", [major, minor, "", ""]);
        }
    }
    for (word, family) in SYSTEMS {
        if let Some(found) = version_after(agent, word)
            && !found[0].is_empty()
        {
            return (family, found);
        }
    }
    let mut names = SYSTEM_NAMES.iter();
    let named = names.find(|(word, _)| agent.contains(word));
    (named.map_or("Other", |(_, family)| family), [""; 4])
}

const APPLE_MOBILES: [&str; 3] = ["iPhone", "iPad", "iPod"];

struct Device<'a> {
    family: String,
    brand: &'a str,
    model: &'a str,
}

impl<'a> Device<'a> {
    fn new(family: impl Into<String>, brand: &'a str, model: &'a str) -> Self {
        Self {
            family: family.into(),
            brand,
            model,
        }
    }
}

/// What the models of a maker of Android devices start with, and whether its name belongs to the
/// family.
const MAKERS: &[(&str, &str, bool)] = &[
    ("SM-", "Samsung", true),
    ("GT-", "Samsung", true),
    ("SAMSUNG ", "Samsung", true),
    ("Pixel", "Google", false),
    ("Nexus", "Google", false),
    ("moto", "Motorola", true),
    ("LM-", "LG", true),
    ("LG-", "LG", true),
    ("HUAWEI ", "Huawei", true),
    ("Redmi", "XiaoMi", true),
    ("Mi ", "XiaoMi", true),
    ("ONEPLUS ", "OnePlus", true),
    ("Nokia ", "Nokia", true),
];

fn device(agent: &str) -> Device<'_> {
    if bot(agent).is_some() {
        return Device::new("Spider", "Spider", "Desktop");
    }
    for name in APPLE_MOBILES {
        if agent.contains(name) {
            return Device::new(name, "Apple", name);
        }
    }
    if agent.contains("Macintosh") {
        return Device::new("Mac", "Apple", "Mac");
    }
    if let Some(model) = agent
        .split_once("Android ")
        .and_then(|(_, rest)| model(rest))
    {
        for (start, brand, with_brand) in MAKERS {
            if let Some(rest) = model.strip_prefix(start) {
                let model = if start.ends_with(' ') { rest } else { model };
                let family = match with_brand {
                    true => format!("{brand} {model}"),
                    false => model.to_owned(),
                };
                return Device::new(family, brand, model);
            }
        }
        return Device::new(model, "Generic_Android", model);
    }
    if let Some((_, rest)) = agent.split_once("Nokia") {
        let model = word(rest);
        if !model.is_empty() {
            let name = model.split('-').next().unwrap_or(model);
            return Device::new(format!("Nokia {name}"), "Nokia", model);
        }
    }
    Device::new("Other", "", "")
}

/// The model in `10; SM-G960F Build/…)`.
fn model(behind_android: &str) -> Option<&str> {
    let (_, rest) = behind_android.split_once(';')?;
    let end = rest.find([';', ')'])?;
    let model = rest[..end].trim();
    let model = model.split(" Build/").next().unwrap_or(model).trim();
    let is_model = !model.is_empty() && model != "wv" && model != "Mobile" && model != "Tablet";
    is_model.then_some(model)
}

/// The characters up to a mark or a blank.
fn word(text: &str) -> &str {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let end = text.find(|c: char| !is_part(c)).unwrap_or(text.len());
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::super::testing::{dynamic, eval, string};
    use super::*;

    #[test]
    fn examples_of_the_reference() {
        let agent = "Mozilla/5.0 (Windows; U; en-US) AppleWebKit/531.9 (KHTML, like Gecko) \
                     AdobeAIR/2.5.1";
        let arguments = [string(agent), string("browser")];
        assert_eq!(
            eval("parse_user_agent", ScalarType::Dynamic, &arguments),
            r#"{"Browser":{"Family":"AdobeAIR","MajorVersion":"2","MinorVersion":"5","Patch":"1"}}"#
        );
        let agent = "Mozilla/5.0 (SymbianOS/9.2; U; Series60/3.1 NokiaN81-3/10.0.032 \
                     Profile/MIDP-2.0 Configuration/CLDC-1.1 ) AppleWebKit/413 (KHTML, like \
                     Gecko) Safari/4";
        let arguments = [string(agent), dynamic(r#"["browser","os","device"]"#)];
        assert_eq!(
            eval("parse_user_agent", ScalarType::Dynamic, &arguments),
            concat!(
                r#"{"Browser":{"Family":"Nokia OSS Browser","MajorVersion":"3","MinorVersion":"1","#,
                r#""Patch":""},"OperatingSystem":{"Family":"Symbian OS","MajorVersion":"9","#,
                r#""MinorVersion":"2","Patch":"","PatchMinor":""},"Device":{"Family":"Nokia N81","#,
                r#""Brand":"Nokia","Model":"N81-3"}}"#
            )
        );
    }

    fn check(agent: &str, expected_browser: &str, expected_system: &str, expected_device: &str) {
        let join = |(family, version): (&str, Version<'_>)| {
            let numbers: Vec<&str> = version
                .into_iter()
                .filter(|part| !part.is_empty())
                .collect();
            format!("{family} {}", numbers.join(".")).trim().to_owned()
        };
        assert_eq!(join(browser(agent)), expected_browser, "{agent}");
        assert_eq!(join(system(agent)), expected_system, "{agent}");
        let found = device(agent);
        let found = format!("{}|{}|{}", found.family, found.brand, found.model);
        assert_eq!(found, expected_device, "{agent}");
    }

    #[test]
    fn common_agents() {
        check(
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) \
             Chrome/120.0.6099.1 Safari/537.36 Edg/120.0.2210.61",
            "Edge 120.0.2210.61",
            "Windows 10",
            "Other||",
        );
        check(
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like \
             Gecko) Version/17.1 Safari/605.1.15",
            "Safari 17.1",
            "Mac OS X 10.15.7",
            "Mac|Apple|Mac",
        );
        check(
            "Mozilla/5.0 (iPhone; CPU iPhone OS 13_2_3 like Mac OS X) AppleWebKit/605.1.15 \
             (KHTML, like Gecko) Version/13.0.3 Mobile/15E148 Safari/604.1",
            "Mobile Safari 13.0.3",
            "iOS 13.2.3",
            "iPhone|Apple|iPhone",
        );
        check(
            "Mozilla/5.0 (Linux; Android 10; SM-G960F Build/QP1A) AppleWebKit/537.36 (KHTML, like \
             Gecko) Chrome/88.0.4324.93 Mobile Safari/537.36",
            "Chrome Mobile 88.0.4324.93",
            "Android 10",
            "Samsung SM-G960F|Samsung|SM-G960F",
        );
        check(
            "Mozilla/5.0 (Windows NT 6.1; WOW64; Trident/7.0; rv:11.0) like Gecko",
            "IE 11.0",
            "Windows 7",
            "Other||",
        );
        check(
            "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
            "Googlebot 2.1",
            "Other",
            "Spider|Spider|Desktop",
        );
        check("curl/7.68.0", "curl 7.68.0", "Other", "Other||");
        check("", "Other", "Other", "Other||");
        check("\u{130}bot/1 Nokia", "Other", "Other", "Other||");
    }

    #[test]
    fn parts_that_are_none() {
        let arguments = [string("curl/7"), string("colour")];
        assert_eq!(
            eval("parse_user_agent", ScalarType::Dynamic, &arguments),
            "null"
        );
    }
}
