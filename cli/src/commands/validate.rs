//! `botflix validate`: every problem of a brief or manifest, offline. A manifest may still name files: they are not looked up.

use botflix_common::manifest::read::read_brief;
use botflix_common::problem::FieldProblem;

use crate::args::{DocumentKind, ValidateArgs};
use crate::exit::{Exit, Fault, lines};
use crate::show::say;
use crate::sources;

pub fn run(args: ValidateArgs) -> Result<Exit, Fault> {
    let bytes = sources::read_document(&args.file)?;
    let problems = match args.document {
        DocumentKind::Brief => read_brief(&bytes).err().unwrap_or_default(),
        DocumentKind::Manifest => sources::offline_problems(&bytes),
    };
    if args.json {
        say(&serde_json::json!({ "valid": problems.is_empty(), "errors": problems }).to_string())?;
    } else {
        tell(&args, &problems)?;
    }
    Ok(if problems.is_empty() {
        Exit::Done
    } else {
        Exit::Failed
    })
}

fn tell(args: &ValidateArgs, problems: &[FieldProblem]) -> Result<(), Fault> {
    let file = args.file.display();
    let document = match args.document {
        DocumentKind::Brief => "brief",
        DocumentKind::Manifest => "manifest",
    };
    if problems.is_empty() {
        return say(&format!("{file} is a valid {document}"));
    }
    eprintln!("{file} is not a valid {document}:\n{}", lines(problems));
    Ok(())
}
