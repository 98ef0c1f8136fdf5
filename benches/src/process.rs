//! A server as a process: what it costs, by `/proc`.

use std::fs;
use std::process::{Child, Command, Stdio};

use crate::Result;

/// The kernel counts CPU time in these.
const TICKS_A_SECOND: f64 = 100.0;

/// A running program, which is killed when this value is dropped.
#[derive(Debug)]
pub struct Process(Child);

impl Process {
    /// Starts a program that says nothing.
    ///
    /// # Errors
    ///
    /// Those of the operating system.
    pub fn start(command: &mut Command) -> Result<Self> {
        let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Ok(Self(quiet.spawn().map_err(|error| format!("start {quiet:?}: {error}"))?))
    }

    /// Returns the CPU time of the process so far, user and system, in seconds.
    ///
    /// # Errors
    ///
    /// Where the process has ended.
    pub fn cpu_seconds(&self) -> Result<f64> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.0.id()))?;
        let after_name = stat.rsplit_once(')').ok_or("no name in stat")?.1;
        let fields: Vec<&str> = after_name.split_whitespace().collect();
        let ticks = fields[11].parse::<f64>()? + fields[12].parse::<f64>()?;
        Ok(ticks / TICKS_A_SECOND)
    }

    /// Returns the resident memory in bytes.
    ///
    /// # Errors
    ///
    /// As [`Process::cpu_seconds`].
    pub fn resident_bytes(&self) -> Result<f64> {
        self.status_bytes("VmRSS:")
    }

    /// Returns the most resident memory in bytes, since the start or the last
    /// [`Process::reset_peak`].
    ///
    /// # Errors
    ///
    /// As [`Process::cpu_seconds`].
    pub fn peak_bytes(&self) -> Result<f64> {
        self.status_bytes("VmHWM:")
    }

    /// Lets the peak start again from what is resident now.
    ///
    /// # Errors
    ///
    /// As [`Process::cpu_seconds`].
    pub fn reset_peak(&self) -> Result<()> {
        Ok(fs::write(format!("/proc/{}/clear_refs", self.0.id()), "5")?)
    }

    /// Ends the process with SIGKILL and waits for it.
    ///
    /// # Errors
    ///
    /// Those of the operating system.
    pub fn kill(&mut self) -> Result<()> {
        // It may have ended by itself; then there is nothing to kill.
        let _ = self.0.kill();
        self.0.wait()?;
        Ok(())
    }

    fn status_bytes(&self, key: &str) -> Result<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0.id()))?;
        let line = status.lines().find(|line| line.starts_with(key)).ok_or("no such key")?;
        Ok(line.split_whitespace().nth(1).ok_or("no size")?.parse::<f64>()? * 1024.0)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Nobody is left to tell.
        let _ = self.kill();
    }
}
