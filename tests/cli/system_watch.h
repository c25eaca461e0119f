// Work in a child process whose file calls wait in the kernel until a judge has seen them: the proof of what is opened,
// and the way to make any of them fail as a disk would. Unprivileged: a seccomp filter with a listener, which children
// and the programs they start inherit.
#pragma once

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace hearth::testing {

/// One call that waits for its verdict.
struct WatchedCall {
  enum class Kind : std::uint8_t { kRead, kWrite, kRename, kSync, kResize, kStore } kind = Kind::kRead;
  std::string path, other;  // where they lead, links followed; `other` is what a rename or link makes
};

enum class WatchScope : std::uint8_t {
  kNames,          // calls that take a path
  kNamesAndBytes,  // and those that store bytes in an open file
};

class SystemWatch {
 public:
  /// 0: the call goes on; else the errno it fails with.
  using Judge = std::function<int(const WatchedCall&)>;

  /// Runs `work` in a fork and returns how it ended (see waitpid); nothing where the kernel has no such listener. With
  /// threads in this process, `work` may only start a program.
  static std::optional<int> run(WatchScope scope, const std::function<void()>& work, const Judge& judge) {
    int pair[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) return std::nullopt;
    const std::vector<sock_filter> filter = filter_of(scope);
    std::fflush(nullptr);  // what is buffered is said once
    const pid_t child = ::fork();
    if (child == 0) {
      const int listener = install(filter);
      if (listener < 0 || !send_descriptor(pair[1], listener)) ::_exit(77);
      ::close(listener);
      ::close(pair[0]);
      ::close(pair[1]);
      work();
      ::_exit(0);
    }
    ::close(pair[1]);
    const int listener = receive_descriptor(pair[0]);
    ::close(pair[0]);
    int status = 0;
    if (listener >= 0) {
      serve(listener, child, judge, status);
      ::close(listener);
      return status;
    }
    ::waitpid(child, &status, 0);
    return std::nullopt;
  }

  /// What `work` may do where it may only start a program.
  static void start_program(const std::vector<char*>& argv, const std::vector<char*>& envp) {
    ::execve(argv[0], argv.data(), envp.data());
    ::_exit(126);
  }

 private:
  using Kind = WatchedCall::Kind;
  struct Row {
    long number;
    Kind kind;
    int folder, path, flags;  // which arguments they are; -1: none
    int folder2 = -1, path2 = -1;
    bool stores_bytes = false;  // `folder` is the open file
  };

  static std::span<const Row> rows() {
    static constexpr Row kRows[] = {
        {SYS_openat, Kind::kRead, 0, 1, 2},
        {SYS_openat2, Kind::kWrite, 0, 1, -1},
        {SYS_mkdirat, Kind::kWrite, 0, 1, -1},
        {SYS_unlinkat, Kind::kWrite, 0, 1, -1},
        {SYS_mknodat, Kind::kWrite, 0, 1, -1},
        {SYS_fchmodat, Kind::kWrite, 0, 1, -1},
        {SYS_fchownat, Kind::kWrite, 0, 1, -1},
        {SYS_symlinkat, Kind::kWrite, 1, 2, -1},
        {SYS_truncate, Kind::kWrite, -1, 0, -1},
        {SYS_linkat, Kind::kRename, 0, 1, -1, 2, 3},
        {SYS_renameat2, Kind::kRename, 0, 1, -1, 2, 3},
        {SYS_renameat, Kind::kRename, 0, 1, -1, 2, 3},
#ifdef SYS_open  // the older half of the calls, where the machine has it
        {SYS_open, Kind::kRead, -1, 0, 1},
        {SYS_creat, Kind::kWrite, -1, 0, -1},
        {SYS_mkdir, Kind::kWrite, -1, 0, -1},
        {SYS_rmdir, Kind::kWrite, -1, 0, -1},
        {SYS_unlink, Kind::kWrite, -1, 0, -1},
        {SYS_mknod, Kind::kWrite, -1, 0, -1},
        {SYS_chmod, Kind::kWrite, -1, 0, -1},
        {SYS_chown, Kind::kWrite, -1, 0, -1},
        {SYS_symlink, Kind::kWrite, -1, 1, -1},
        {SYS_link, Kind::kRename, -1, 0, -1, -1, 1},
        {SYS_rename, Kind::kRename, -1, 0, -1, -1, 1},
#endif
        {SYS_pwrite64, Kind::kStore, 0, -1, -1, -1, -1, true},
        {SYS_write, Kind::kStore, 0, -1, -1, -1, -1, true},
        {SYS_fsync, Kind::kSync, 0, -1, -1, -1, -1, true},
        {SYS_fdatasync, Kind::kSync, 0, -1, -1, -1, -1, true},
        {SYS_ftruncate, Kind::kResize, 0, -1, -1, -1, -1, true},
        {SYS_fallocate, Kind::kResize, 0, -1, -1, -1, -1, true},
    };
    return kRows;
  }

  static std::vector<sock_filter> filter_of(WatchScope scope) {
    std::vector<sock_filter> filter = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr))};
    for (const Row& row : rows()) {
      if (row.stores_bytes && scope == WatchScope::kNames) continue;
      filter.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<std::uint32_t>(row.number), 0, 1));
      filter.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF));
    }
    filter.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
    return filter;
  }

  static int install(const std::vector<sock_filter>& filter) {
    const sock_fprog program{static_cast<unsigned short>(filter.size()), const_cast<sock_filter*>(filter.data())};
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return -1;
    return static_cast<int>(
        ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program));
  }

  union Control {
    cmsghdr head;
    char bytes[CMSG_SPACE(sizeof(int))];
  };
  static bool send_descriptor(int socket, int descriptor) {
    char byte = 0;
    iovec part{&byte, 1};
    Control control{};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.bytes;
    message.msg_controllen = sizeof control.bytes;
    cmsghdr* head = CMSG_FIRSTHDR(&message);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(sizeof descriptor);
    std::copy_n(reinterpret_cast<const char*>(&descriptor), sizeof descriptor,
                reinterpret_cast<char*>(CMSG_DATA(head)));
    return ::sendmsg(socket, &message, 0) == 1;
  }
  static int receive_descriptor(int socket) {
    char byte = 0;
    iovec part{&byte, 1};
    Control control{};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.bytes;
    message.msg_controllen = sizeof control.bytes;
    if (::recvmsg(socket, &message, MSG_CMSG_CLOEXEC) != 1) return -1;
    const cmsghdr* head = CMSG_FIRSTHDR(&message);
    if (!head) return -1;
    int descriptor = -1;
    std::copy_n(reinterpret_cast<const char*>(CMSG_DATA(head)), sizeof descriptor,
                reinterpret_cast<char*>(&descriptor));
    return descriptor;
  }

  static void serve(int listener, pid_t child, const Judge& judge, int& status) {
    for (;;) {
      pollfd wait{listener, POLLIN, 0};
      const int ready = ::poll(&wait, 1, 50);
      if (ready == 0 || (wait.revents & POLLIN) == 0) {
        if (::waitpid(child, &status, ready > 0 ? 0 : WNOHANG) == child) return;
        continue;
      }
      seccomp_notif notice{};
      if (::ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &notice) != 0) continue;  // it died meanwhile
      const int verdict = judge(read_call(notice));
      seccomp_notif_resp answer{};
      answer.id = notice.id;
      answer.error = -verdict;
      answer.flags = verdict == 0 ? SECCOMP_USER_NOTIF_FLAG_CONTINUE : 0;
      ::ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer);
    }
  }

  static WatchedCall read_call(const seccomp_notif& notice) {
    const auto row = std::ranges::find(rows(), static_cast<long>(notice.data.nr), &Row::number);
    const auto argument = [&](int i) { return i < 0 ? std::uint64_t{0} : std::uint64_t{notice.data.args[i]}; };
    const std::string process = "/proc/" + std::to_string(notice.pid);
    WatchedCall call{.kind = row->kind};
    if (row->stores_bytes) {
      call.path = target_of(process + "/fd/" + std::to_string(argument(row->folder)));
      return call;
    }
    const auto whole = [&](int folder, int path) {
      const std::string text = read_text_of(notice.pid, argument(path));
      if (text.starts_with("/")) return text;
      const int base = folder < 0 ? AT_FDCWD : static_cast<int>(argument(folder));
      return target_of(process + (base == AT_FDCWD ? "/cwd" : "/fd/" + std::to_string(base))) + "/" + text;
    };
    call.path = whole(row->folder, row->path);
    if (row->flags >= 0) {
      const std::uint64_t flags = argument(row->flags);
      if (flags & (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC)) call.kind = Kind::kWrite;
      call.path = resolved(call.path, (flags & O_NOFOLLOW) != 0);
    } else {
      call.path = resolved(call.path, true);
    }
    if (row->path2 >= 0) call.other = resolved(whole(row->folder2, row->path2), true);
    return call;
  }

  static std::string target_of(const std::string& link) {
    char buffer[4096];
    const ssize_t n = ::readlink(link.c_str(), buffer, sizeof buffer);
    return n > 0 ? std::string(buffer, static_cast<std::size_t>(n)) : std::string();
  }
  static std::string read_text_of(std::uint32_t process, std::uint64_t address) {
    std::string text;
    while (text.size() < 65536) {
      char buffer[256];
      const std::size_t until_page_end = 4096 - static_cast<std::size_t>(address % 4096);
      iovec here{buffer, std::min(sizeof buffer, until_page_end)};
      iovec there{reinterpret_cast<void*>(address), here.iov_len};
      const ssize_t n = ::process_vm_readv(static_cast<pid_t>(process), &here, 1, &there, 1, 0);
      if (n <= 0) return text;
      const auto end = std::find(buffer, buffer + n, '\0');
      text.append(buffer, end);
      if (end != buffer + n) return text;
      address += static_cast<std::uint64_t>(n);
    }
    return text;
  }
  /// Absolute, without links; the last part stays as it is named where the call itself does not follow it.
  static std::string resolved(const std::string& path, bool keeps_last) {
    std::error_code code;
    const std::filesystem::path whole(path);
    if (!keeps_last || whole.filename().empty() || whole.filename() == "..") {
      const auto found = std::filesystem::weakly_canonical(whole, code);
      return code ? whole.lexically_normal().string() : found.string();
    }
    const auto folder = std::filesystem::weakly_canonical(whole.parent_path(), code);
    return code ? whole.lexically_normal().string() : (folder / whole.filename()).string();
  }
};

}  // namespace hearth::testing
