//! What the program does with an account's secret, from outside: shares of it, files of age, and no core dump. No network is needed.

#![expect(clippy::unwrap_used, reason = "a test ends where something unexpected happens")]

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// The program in a home folder of its own, without anything of this user's environment.
fn command(home: &Path, program: &str) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("HOME", home).env("PATH", "/usr/bin:/bin").current_dir(home);
    command
}

fn headwater(home: &TempDir, arguments: &[&str]) -> Output {
    command(home.path(), env!("CARGO_BIN_EXE_headwater")).args(arguments).output().expect("the program runs")
}

fn done(home: &TempDir, arguments: &[&str]) -> String {
    let output = headwater(home, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// What a run that must fail says.
fn refused(home: &TempDir, arguments: &[&str]) -> String {
    let output = headwater(home, arguments);
    assert!(!output.status.success() && output.stdout.is_empty(), "{arguments:?} was not refused");
    String::from_utf8(output.stderr).unwrap()
}

fn home() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

#[test]
fn three_of_five_bring_an_account_back_and_two_do_not() {
    let home = home();
    let identity = done(&home, &["identity"]);
    done(&home, &["identity", "split", "--of", "5", "--need", "3", "-o", "shares"]);
    let share = |number: usize| format!("shares/share-{number}-of-5.txt");
    let mode = fs::metadata(home.path().join(share(1))).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(
        refused(&home, &["identity", "split", "--of", "5", "--need", "3", "-o", "shares"])
            .contains("share-1-of-5")
    );
    let join = |account: &str, files: &[&str]| {
        let arguments = [&["--account", account, "identity", "join"], files].concat();
        arguments.iter().map(|argument| (*argument).to_owned()).collect::<Vec<_>>()
    };
    let joined = |account: &str, files: &[&str]| {
        let arguments = join(account, files);
        done(&home, &arguments.iter().map(String::as_str).collect::<Vec<_>>())
    };
    let not_joined = |files: &[&str]| {
        let arguments = join("none", files);
        refused(&home, &arguments.iter().map(String::as_str).collect::<Vec<_>>())
    };
    joined("back", &[&share(5), &share(1), &share(4)]);
    assert_eq!(done(&home, &["--account", "back", "identity"]), identity);
    joined("back-by-all", &[&share(1), &share(2), &share(3), &share(4), &share(5)]);
    // The same account may be there, another one stays.
    joined("back", &[&share(1), &share(2), &share(3)]);
    done(&home, &["--account", "other", "identity", "split", "--of", "3", "--need", "3", "-o", "others"]);
    let arguments = join("other", &[&share(1), &share(2), &share(3)]);
    let error = refused(&home, &arguments.iter().map(String::as_str).collect::<Vec<_>>());
    assert!(error.contains("holds another account"), "{error}");

    assert!(not_joined(&[&share(1), &share(2)]).contains("2 shares, 3 are needed"));
    assert!(not_joined(&[&share(1), &share(2), &share(1)]).contains("are the same share"));
    let mixed = not_joined(&[&share(1), &share(2), "others/share-3-of-3.txt"]);
    assert!(mixed.contains("others/share-3-of-3.txt is not of the same splitting"), "{mixed}");
    let text = fs::read_to_string(home.path().join(share(2))).unwrap();
    let words = text.lines().filter(|line| !line.starts_with('#')).flat_map(str::split_whitespace);
    let words: Vec<_> = words.collect();
    let changed = text.replacen(words[9], if words[9] == "acid" { "acne" } else { "acid" }, 1);
    fs::write(home.path().join("changed"), changed).unwrap();
    assert!(not_joined(&[&share(1), "changed", &share(3)]).contains("changed: the checksum"));
    fs::write(home.path().join("wrong"), text.replacen(words[9], "headwater", 1)).unwrap();
    let error = not_joined(&[&share(1), "wrong", &share(3)]);
    assert!(error.contains("word 10") && !error.contains(words[0]), "{error}");
    let mut others = text.lines().map(str::to_owned).collect::<Vec<_>>();
    let at = others.iter().position(|line| line.starts_with("# account ")).unwrap();
    others[at] = format!("# account {}", "0".repeat(64));
    fs::write(home.path().join("relabelled"), others.join("\n")).unwrap();
    assert!(not_joined(&[&share(1), "relabelled", &share(3)]).contains("one of them says that it is of"));
    assert!(!home.path().join("none").exists());
}

/// Bytes of the file that has to pass through less memory.
const LONG: usize = 64 << 20;
/// Most memory that the program may take for it, in KiB.
const MEMORY_MAX_KIB: u64 = 48 << 10;

#[test]
fn files_of_debians_age_open_here_and_its_identity_file_is_ours() {
    let home = home();
    let recipient = done(&home, &["identity", "--age"]);
    let recipient = recipient.trim();
    assert_eq!(done(&home, &["identity", "--age", "--secret-to", "key"]).trim(), recipient);
    assert_eq!(fs::metadata(home.path().join("key")).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(refused(&home, &["identity", "--age", "--secret-to", "key"]).contains("key"));
    let age = |arguments: &[&str]| {
        let status = command(home.path(), "age").args(arguments).status().expect("age is installed");
        assert!(status.success(), "age {arguments:?}");
    };
    let bytes: Vec<u8> = (0..LONG as u64).map(noise).collect();
    fs::write(home.path().join("long"), &bytes).unwrap();
    age(&["-r", recipient, "-o", "long.bin.age", "long"]);
    age(&["-d", "-i", "key", "-o", "theirs", "long.bin.age"]);
    assert!(fs::read(home.path().join("theirs")).unwrap() == bytes);

    let (opened, memory) = read_slowly(&home, &["open", "long.bin.age", "-o", "-"]);
    assert!(opened == bytes, "what was opened differs");
    assert!(memory <= MEMORY_MAX_KIB, "{memory} KiB for a file of 64 MiB");
    done(&home, &["open", "long.bin.age", "-o", "out"]);
    assert!(fs::read(home.path().join("out/long.bin")).unwrap() == bytes);
    assert!(refused(&home, &["open", "long.bin.age", "-o", "out"]).contains("is there already"));

    fs::write(home.path().join("small"), "small").unwrap();
    age(&["-a", "-r", recipient, "-o", "armoured.txt.age", "small"]);
    done(&home, &["open", "armoured.txt.age"]);
    assert_eq!(fs::read(home.path().join("armoured.txt")).unwrap(), b"small");

    let whole = fs::read(home.path().join("long.bin.age")).unwrap();
    fs::write(home.path().join("cut.age"), &whole[..whole.len() - 65_536]).unwrap();
    refused(&home, &["open", "cut.age", "-o", "cut"]);
    let left = fs::read_dir(home.path().join("cut")).unwrap().count();
    assert_eq!(left, 0, "half a file was left behind");
    done(&home, &["--account", "other", "identity"]);
    assert!(refused(&home, &["--account", "other", "open", "long.bin.age"]).contains("encrypted to others"));
}

fn noise(at: u64) -> u8 {
    u8::try_from(at.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56).unwrap()
}

/// What the program writes, and the most memory that it had before the last of it was taken, in KiB.
fn read_slowly(home: &TempDir, arguments: &[&str]) -> (Vec<u8>, u64) {
    let mut program = command(home.path(), env!("CARGO_BIN_EXE_headwater"));
    let mut running = program.args(arguments).stdout(Stdio::piped()).spawn().unwrap();
    let mut from = running.stdout.take().unwrap();
    // More is left than a pipe holds, so that the program has not ended.
    let mut bytes = vec![0; LONG - (1 << 20)];
    from.read_exact(&mut bytes).unwrap();
    let status = fs::read_to_string(format!("/proc/{}/status", running.id())).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let peak = peak.trim().trim_end_matches(" kB").parse().unwrap();
    from.read_to_end(&mut bytes).unwrap();
    assert!(running.wait().unwrap().success());
    (bytes, peak)
}

/// Makes a word of 32 digits of the number of a process.
const SPREAD: u128 = 0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835;

/// Kills a program, a line of the shell, that has read a secret and waits for more. Gives how it ended, whether core files were forbidden
/// then, and whether the secret is in any file that it left.
fn killed_with_a_secret(program: &str) -> (ExitStatus, bool, bool) {
    let home = home();
    let mut shell = command(home.path(), "sh");
    let script = format!("ulimit -c unlimited; exec {program}");
    shell.args(["-c", &script]).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut running = shell.spawn().unwrap();
    let secret = format!("{:032x}", u128::from(running.id()).wrapping_mul(SPREAD));
    let input = running.stdin.as_mut().unwrap();
    input.write_all(secret.as_bytes()).unwrap();
    let until = Instant::now() + Duration::from_mins(1);
    while rustix::io::ioctl_fionread(&*input).unwrap() > 0 {
        assert!(Instant::now() < until, "{program} reads nothing");
        std::thread::sleep(Duration::from_millis(20));
    }
    let limits = fs::read_to_string(format!("/proc/{}/limits", running.id())).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    let is_forbidden = core.split_whitespace().skip(4).take(2).all(|limit| limit == "0");
    let killed = Command::new("sh").args(["-c", &format!("kill -ABRT {}", running.id())]).status().unwrap();
    assert!(killed.success());
    let status = running.wait().unwrap();
    let mut files = fs::read_dir(home.path()).unwrap().map(|file| fs::read(file.unwrap().path()).unwrap());
    let has_secret = files.any(|file| file.windows(secret.len()).any(|part| part == secret.as_bytes()));
    (status, is_forbidden, has_secret)
}

#[test]
fn a_process_that_is_killed_leaves_no_secret_in_a_core() {
    // A program that forbids nothing shows that a secret would be found, where cores lie beside the program at all.
    let pattern = fs::read_to_string("/proc/sys/kernel/core_pattern").unwrap();
    let (_, is_forbidden, has_secret) = killed_with_a_secret("cat");
    assert!(!is_forbidden && (has_secret || pattern.starts_with(['|', '/'])), "{pattern:?} leaves no core");

    let program = format!("{} account restore", env!("CARGO_BIN_EXE_headwater"));
    let (status, is_forbidden, has_secret) = killed_with_a_secret(&program);
    assert!(!has_secret, "what was read lies in a core");
    assert_eq!((status.signal(), status.core_dumped()), (Some(6), false));
    assert!(is_forbidden, "core dumps are not forbidden");
}
