//! Writes the attacks: FOLDER BYTES [PART-OF-A-NAME]. `.ci/attacks` measures the program over them.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().ok_or("FOLDER BYTES [PART-OF-A-NAME]")?;
    let bytes = arguments.next().ok_or("BYTES are missing")?.parse()?;
    let only = arguments.next().unwrap_or_default();
    for (name, file) in drone_audit_fuzz::attacks(bytes) {
        if name.contains(&only) {
            std::fs::write(std::path::Path::new(&folder).join(name), file)?;
        }
    }
    Ok(())
}
