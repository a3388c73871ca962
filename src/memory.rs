//! How the process asks the system for memory.

/// Asks the kernel for pages of the usual size. Batches come and go in pieces of some hundred KiB;
/// with huge pages, each piece that lives on keeps 2 MiB: an export takes a third more memory, and
/// no query gets faster by it (`benches/response_to_lake.rs`). To be called before anything large
/// is allocated; where the kernel does not know the request, all stays as it is.
pub fn use_small_pages() {
    #[cfg(target_os = "linux")]
    {
        // An old kernel refuses, which only costs memory.
        let _ = nix::sys::prctl::set_thp_disable(true);
    }
}
