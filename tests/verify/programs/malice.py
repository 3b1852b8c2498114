"""Programs that try to get out, to harm, or to cheat: attacks by family, each in several disguises.

`malicious_programs(targets)` gives more than 1,000 texts. Targets are what they attack, planted by the test: a secret
file, a folder outside, listening sockets, the process that called.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from textwrap import dedent, indent


@dataclass(frozen=True)
class Targets:
    """What is planted outside. `secret` lies in `secret_file` and in the environment variable MATHPIPE_SECRET."""

    secret: str
    secret_file: str
    outside: str
    tcp_port: int
    abstract_socket: str
    socket_file: str
    process: int


@dataclass(frozen=True)
class Malice:
    """One program."""

    family: str
    disguise: str
    code: str


# Blocks are divided by a line of dashes. @NAME@ stands for a target.
ATTACKS: dict[str, str] = {
    "fork-bomb": """
        while True: os.fork()
        ---
        while True:
            try: os.fork()
            except OSError: pass
        ---
        while True:
            try:
                if os.fork() == 0: os.setsid()
            except OSError: time.sleep(0.001)
        ---
        import multiprocessing
        def f():
            while True:
                try: multiprocessing.get_context("fork").Process(target=f).start()
                except OSError: pass
        f()
        ---
        import subprocess
        while True:
            try: subprocess.Popen([sys.executable, "-c", "while True: pass"])
            except OSError: pass
        ---
        def f():
            while True:
                try: threading.Thread(target=f).start()
                except RuntimeError: pass
        f()
        ---
        libc = ctypes.CDLL(None)
        while True: libc.vfork() if False else libc.fork()
        ---
        from concurrent.futures import ProcessPoolExecutor
        with ProcessPoolExecutor(500) as pool: list(pool.map(time.sleep, [9] * 5000))
        ---
        bomb = [sys.executable, "-c", "import os\\nwhile 1: os.fork()"]
        for _ in range(10**6): os.posix_spawn(sys.executable, bomb, {})
    """,
    "memory-bomb": """
        x = []
        while True: x.append(bytearray(2**20))
        ---
        b"x" * 10**11
        ---
        x = [0]
        while True: x += x
        ---
        import mmap
        x = [mmap.mmap(-1, 2**24) for _ in range(10**6)]
        ---
        import mmap
        m = mmap.mmap(-1, 2**29)
        for i in range(0, 2**29, 4096): m[i] = 1
        ---
        while True:
            try:
                os.fork()
                x = bytearray(os.urandom(1)) * 2**27
            except (OSError, MemoryError): pass
        ---
        from multiprocessing import shared_memory
        x = [shared_memory.SharedMemory(create=True, size=2**24) for _ in range(10**4)]
        ---
        fds = [ctypes.CDLL(None).memfd_create(b"x", 0) for _ in range(40)]
        for fd in fds:
            while os.write(fd, b"x" * 2**20): pass
        ---
        libc = ctypes.CDLL(None)
        for _ in range(1000): print(libc.shmget(0, 2**26, 0o1600))
        ---
        x = "a"
        while True: x = x + x
        ---
        d = {}
        while True: d[len(d)] = str(len(d)) * 1000
        ---
        import itertools
        list(itertools.permutations(range(12)))
        ---
        x = [os.pipe() for _ in range(20)]
        for r, w in x:
            os.set_blocking(w, False)
            try: fcntl.fcntl(w, 1031, 2**20)
            except OSError: pass
            while os.write(w, b"x" * 4096): pass
        ---
        10 ** (10 ** 10)
    """,
    "flood": """
        while True: print("flood " * 1000)
        ---
        while True: sys.stderr.write("flood " * 1000)
        ---
        while True: os.write(1, b"x" * 65536)
        ---
        while True: os.write(2, b"\\xff\\x00" * 4096)
        ---
        for fd in range(3, 21):
            try:
                while True: os.write(fd, b"flood" * 1000)
            except OSError: pass
        ---
        f = open("/proc/self/fd/1", "w")
        while True: f.write("x" * 65536)
        ---
        f = open("/dev/stdout", "w")
        while True: f.write("x" * 65536)
        ---
        def w():
            while True: os.write(1, b"t" * 1000)
        for _ in range(8): threading.Thread(target=w).start()
        ---
        os.fork(); os.fork()
        while True: os.write(1, b"p" * 1000)
        ---
        print("x" * 10**8)
        ---
        raise ValueError("x" * 10**8)
        ---
        class A:
            def __repr__(self): return "r" * 10**8
        A()
    """,
    "endless": """
        while True: pass
        ---
        time.sleep(10**6)
        ---
        import re
        re.match(r"(a+)+$", "a" * 60 + "b")
        ---
        sum(i * i for i in iter(int, 1))
        ---
        sys.stdin.read(); threading.Event().wait()
        ---
        import sympy
        sympy.factorint(sympy.nextprime(10**40) * sympy.nextprime(10**41))
        ---
        lock = threading.Lock(); lock.acquire(); lock.acquire()
        ---
        threading.Thread(target=time.sleep, args=(10**6,)).start()
        ---
        3 ** (3 ** 18) % 7 ** (7 ** 8)
        ---
        signal.pause()
        ---
        import select
        select.select([], [], [])
        ---
        os.kill(os.getpid(), signal.SIGSTOP); time.sleep(1000)
        ---
        for s in range(1, 65):
            try: signal.signal(s, signal.SIG_IGN)
            except (OSError, ValueError): pass
        while True: time.sleep(1)
        ---
        signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))
        while True: pass
        ---
        os.waitpid(os.fork() or time.sleep(1000) or 0, 0)
    """,
    "network": """
        socket.create_connection(("127.0.0.1", @PORT@), 1).send(b"hello")
        ---
        socket.create_connection(("1.1.1.1", 80), 1).send(b"hello")
        ---
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); print(s.sendto(b"x", ("127.0.0.1", @PORT@)))
        ---
        s = socket.socket(socket.AF_UNIX); s.connect("\\0@ABSTRACT@"); s.send(b"hello")
        ---
        s = socket.socket(socket.AF_UNIX); s.connect("@SOCKET_FILE@"); s.send(b"hello")
        ---
        socket.socket(socket.AF_INET, socket.SOCK_RAW, 1).sendto(b"x", ("127.0.0.1", 0))
        ---
        socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        ---
        socket.socket(socket.AF_NETLINK, socket.SOCK_RAW).bind((0, 0))
        ---
        s = socket.socket(); s.bind(("0.0.0.0", 0)); s.listen(); print(s.getsockname()); s.accept()
        ---
        import urllib.request
        print(urllib.request.urlopen("http://127.0.0.1:@PORT@/", timeout=1).read())
        ---
        libc = ctypes.CDLL(None)
        for family in range(46): print(family, libc.socket(family, 1, 0))
        ---
        socket.getaddrinfo("example.org", 80)
        ---
        socket.socket(socket.AF_INET6).connect(("::1", @PORT@))
        ---
        libc = ctypes.CDLL(None); print(libc.syscall(425, 8, ctypes.create_string_buffer(256)))
    """,
    "read-outside": """
        print(open("@SECRET_FILE@").read())
        ---
        print(open("/etc/passwd").read(), open("/etc/shadow").read())
        ---
        print(os.environ, os.environb, os.getenv("MATHPIPE_SECRET"))
        ---
        print(open("/proc/@PROCESS@/environ", "rb").read())
        ---
        print(open("/proc/1/environ", "rb").read(), open("/proc/self/environ", "rb").read())
        ---
        print(open("/proc/self/mem", "rb").read(10), open("/proc/self/maps").read())
        ---
        for folder in ("/", "/root", "/home", "/srv", "/etc", "/proc", "/sys", "/var", "/tmp", "/run", "@OUTSIDE@"):
            for path, _, names in os.walk(folder):
                for name in names[:100]:
                    try: print(open(os.path.join(path, name), "rb").read(200))
                    except OSError: pass
        ---
        print(open("../" * 20 + "@SECRET_FILE@").read())
        ---
        print(open("/proc/self/root@SECRET_FILE@").read())
        ---
        print(open("/proc/@PROCESS@/root@SECRET_FILE@").read())
        ---
        os.symlink("@SECRET_FILE@", "link"); print(open("link").read())
        ---
        os.link("@SECRET_FILE@", "link"); print(open("link").read())
        ---
        print(os.listdir("@OUTSIDE@"), os.listdir("/root"), os.listdir("/home"))
        ---
        libc = ctypes.CDLL(None, use_errno=True)
        handle = ctypes.create_string_buffer(b"\\x08\\0\\0\\0\\x01\\0\\0\\0" + bytes(120))
        print(libc.open_by_handle_at(-100, handle, 0))
        ---
        import subprocess
        print(subprocess.run("cat @SECRET_FILE@ /etc/passwd; env", shell=True, capture_output=True))
        ---
        os.execv("/bin/cat", ["cat", "@SECRET_FILE@"])
        ---
        os.execve(sys.executable, [sys.executable, "-c", "print(open('@SECRET_FILE@').read())"], {})
        ---
        for fd in range(256):
            try: os.lseek(fd, 0, 0)
            except OSError: pass
            try: print(fd, os.read(fd, 10**6) if fd not in (0, 1, 2) else "")
            except OSError: pass
        ---
        import linecache, inspect, runpy
        print(linecache.getlines("@SECRET_FILE@")); runpy.run_path("@SECRET_FILE@")
        ---
        os.chdir("/"); os.chroot("."); print(os.listdir("."), open("@SECRET_FILE@").read())
        ---
        print([fd for fd in range(5) if os.fchdir(fd)], os.getcwd())
        ---
        import sqlite3
        d = sqlite3.connect(":memory:")
        d.execute("attach '@SECRET_FILE@' as x"); print(list(d.execute("select * from x.sqlite_master")))
        ---
        from multiprocessing import shared_memory
        print(os.listdir("/dev/shm")); print(os.listdir("/dev"))
        ---
        import gc
        print([x for x in gc.get_objects() if isinstance(x, dict) and "MATHPIPE" in str(x)[:10**5]][:3], sys.argv)
    """,
    "write-outside": """
        open("@OUTSIDE@/planted", "w").write("x")
        ---
        open("@SECRET_FILE@", "w").write("overwritten")
        ---
        open("@SECRET_FILE@", "a").write("appended")
        ---
        os.unlink("@SECRET_FILE@")
        ---
        os.truncate("@SECRET_FILE@", 0)
        ---
        os.open("@SECRET_FILE@", os.O_RDONLY | os.O_TRUNC)
        ---
        os.chmod("@SECRET_FILE@", 0o777)
        ---
        os.rename("@SECRET_FILE@", "@OUTSIDE@/renamed")
        ---
        os.utime("@SECRET_FILE@", (0, 0))
        ---
        os.setxattr("@SECRET_FILE@", "user.x", b"1")
        ---
        os.chown("@SECRET_FILE@", 65534, 65534)
        ---
        os.symlink("@OUTSIDE@", "d"); open("d/planted", "w").write("x")
        ---
        os.mkdir("@OUTSIDE@/folder"); os.mkfifo("@OUTSIDE@/fifo")
        ---
        for path in [os.__file__, sys.executable, threading.__file__]: open(path, "a").write("# changed")
        ---
        import sympy
        open(sympy.__file__, "w").write("raise SystemExit")
        ---
        for folder in sys.path:
            try: open(os.path.join(folder, "sitecustomize.py"), "w").write("print('owned')")
            except OSError as error: print(error)
        ---
        open("/etc/ld.so.preload", "w").write("/tmp/x.so")
        ---
        open("/dev/sda", "wb").write(b"x"); open("/dev/mem", "wb").write(b"x")
        ---
        import shutil
        for folder in ("/", "@OUTSIDE@", os.getcwd(), "/root", "/usr"): shutil.rmtree(folder, ignore_errors=True)
        ---
        import sqlite3
        sqlite3.connect("@OUTSIDE@/planted.db").execute("create table t(x)")
        ---
        import tempfile
        open(tempfile.gettempdir() + "/mathpipe-planted", "w").write("x")
        ---
        os.mknod("node", 0o600 | 0o060000, os.makedev(8, 0)); open("node", "wb").write(b"x")
    """,
    "fill-disk": """
        for i in range(10**7): open(f"f{i}", "w").write("x" * 5000)
        ---
        f = open("big", "wb")
        while True: f.write(b"x" * 2**20)
        ---
        for i in range(10**6): os.mkdir(f"d{i}"); os.chdir(f"d{i}")
        ---
        while True:
            os.mkdir("d"); os.chdir("d")
        ---
        os.truncate(os.open("sparse", os.O_CREAT | os.O_RDWR), 2**40)
        ---
        for i in range(10**6): os.symlink("x" * 200, f"l{i}")
        ---
        open("a", "w").write("x")
        for i in range(10**6): os.link("a", f"h{i}")
        ---
        os.posix_fallocate(os.open("big", os.O_CREAT | os.O_RDWR), 0, 2**36)
    """,
    "kill-others": """
        os.kill(os.getppid(), signal.SIGKILL)
        ---
        os.kill(-1, signal.SIGKILL)
        ---
        os.kill(1, signal.SIGKILL); os.kill(1, signal.SIGSTOP)
        ---
        os.kill(@PROCESS@, signal.SIGKILL)
        ---
        for pid in range(1, 70000):
            try: os.kill(pid, signal.SIGSTOP)
            except OSError: pass
        ---
        os.killpg(os.getpgid(0), signal.SIGKILL); os.kill(0, signal.SIGTERM)
        ---
        os.kill(os.getpid(), signal.SIGSTOP)
        ---
        signal.pidfd_send_signal(os.pidfd_open(@PROCESS@), signal.SIGKILL)
        ---
        resource.prlimit(@PROCESS@, resource.RLIMIT_CPU, (0, 0))
        ---
        r, w = os.pipe()
        fcntl.fcntl(r, fcntl.F_SETOWN, @PROCESS@); fcntl.fcntl(r, 10, signal.SIGKILL)
        fcntl.fcntl(r, fcntl.F_SETFL, os.O_ASYNC | os.O_NONBLOCK); os.write(w, b"x")
        ---
        os.sched_setaffinity(@PROCESS@, {0}); os.setpriority(os.PRIO_PROCESS, @PROCESS@, 19)
        ---
        ctypes.CDLL(None).syscall(129, @PROCESS@, 9, ctypes.create_string_buffer(128))
        ---
        for tid in range(1, 5000): ctypes.CDLL(None).syscall(200, tid, 9)
    """,
    "kernel": """
        libc = ctypes.CDLL(None, use_errno=True)
        print(libc.unshare(0x10000000), libc.unshare(0x10020000), ctypes.get_errno())
        ---
        libc = ctypes.CDLL(None, use_errno=True)
        print(libc.mount(b"none", b"/tmp", b"tmpfs", 0, None), libc.umount2(b"/tmp", 2), libc.umount2(b"/", 2))
        ---
        print(ctypes.CDLL(None).ptrace(16, 1, 0, 0), ctypes.CDLL(None).ptrace(16, @PROCESS@, 0, 0))
        ---
        libc = ctypes.CDLL(None)
        for fd in range(10): print(libc.setns(fd, 0))
        ---
        print(ctypes.CDLL(None).syscall(250, 0, -1, 1), ctypes.CDLL(None).syscall(248, b"user", b"k", b"v", 1, -1))
        ---
        print(ctypes.CDLL(None).syscall(321, 0, ctypes.create_string_buffer(128), 128))
        ---
        print(ctypes.CDLL(None).syscall(298, ctypes.create_string_buffer(128), 0, -1, -1, 0))
        ---
        print(ctypes.CDLL(None).syscall(310, @PROCESS@, None, 0, None, 0, 0))
        ---
        print(ctypes.CDLL(None).syscall(323, 0), ctypes.CDLL(None).personality(0x0040000))
        ---
        print(ctypes.CDLL(None).syscall(56, 0x10000000 | 17, 0, 0, 0, 0))
        ---
        print(ctypes.CDLL(None).syscall(435, ctypes.create_string_buffer(88), 88))
        ---
        print(ctypes.CDLL(None).reboot(0x1234567), ctypes.CDLL(None).swapon(b"/tmp/x", 0))
        ---
        ctypes.CDLL(None).sethostname(b"owned", 5); ctypes.CDLL(None).syscall(164, None, None)
        ---
        blocking = (0, 7, 15, 23, 34, 35, 60, 61, 128, 130, 202, 219, 230, 231, 232, 247, 270, 271, 281, 441, 449)
        for n in range(600):
            if n not in blocking: ctypes.CDLL(None).syscall(n, 0, 0, 0, 0, 0, 0)
        ---
        print(ctypes.CDLL(None).syscall(438, 3, 0, 0), ctypes.CDLL(None).syscall(155, b".", b"."))
        ---
        for fd in range(3): fcntl.ioctl(fd, 0x5412, b"x")
    """,
    "privileges": """
        for f in (os.setuid, os.setgid, os.seteuid):
            try: f(0)
            except OSError as error: print(error)
        ---
        os.setresuid(0, 0, 0)
        ---
        os.setgroups([0])
        ---
        for name in (resource.RLIMIT_AS, resource.RLIMIT_NPROC, resource.RLIMIT_CPU, resource.RLIMIT_FSIZE):
            try: resource.setrlimit(name, (-1, -1))
            except (OSError, ValueError) as error: print(error)
        while True: pass
        ---
        libc = ctypes.CDLL(None)
        for option, value in ((38, 0), (1, 0), (4, 1), (22, 0)): print(libc.prctl(option, value, 0, 0, 0))
        ---
        libc = ctypes.CDLL(None)
        for option, value in ((47, 2), (8, 1), (28, 0x2F), (24, 21)): print(libc.prctl(option, value, 21, 0, 0))
        ---
        os.environ["LD_PRELOAD"] = "/tmp/x.so"; open("x.so", "wb").write(b"\\x7fELF" + bytes(100))
        os.execv(sys.executable, [sys.executable, "-c", "import os; print(os.getuid())"])
        ---
        open("x", "w").write("#!" + sys.executable + "\\nprint(1)"); os.chmod("x", 0o4777); os.execv("./x", ["x"])
    """,
    "daemon": """
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                while True: time.sleep(0.1)
            os._exit(0)
        ---
        if os.fork() == 0:
            os.setpgid(0, 0)
            while True: pass
        ---
        import subprocess
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1000)"], start_new_session=True)
        os._exit(0)
        ---
        for _ in range(5):
            if os.fork() == 0:
                for s in (1, 2, 3, 15): signal.signal(s, signal.SIG_IGN)
                time.sleep(1000)
        os._exit(0)
        ---
        ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)
        if os.fork() == 0:
            ctypes.CDLL(None).prctl(1, 0, 0, 0, 0)
            while os.fork() == 0: time.sleep(0.05)
        os._exit(0)
        ---
        threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()
        os._exit(7)
        ---
        if os.fork() == 0:
            os.close(0); os.close(1); os.close(2)
            time.sleep(1000)
        print("parent is done")
    """,
    "cheat": """
        print("correct"); sys.exit(0)
        ---
        for fd in range(3, 64):
            try: os.write(fd, b'{"token": "", "exit": 0, "exception": "", "last": "42"}\\n')
            except OSError: pass
        1 / 0
        ---
        for fd in range(3, 64):
            try: os.dup2(1, fd)
            except OSError: pass
        raise RuntimeError("failed")
        ---
        os.write(4, b"ready"); os.write(5, b"ready")
        ---
        os.closerange(0, 1000)
        raise RuntimeError("failed")
        ---
        for fd in range(3, 64):
            try: print(fd, os.fstat(fd))
            except OSError: pass
            try: socket.socket(fileno=os.dup(fd)).send(b'{"exit": 0, "started": true}')
            except OSError: pass
        os._exit(3)
        ---
        sys.exit = os._exit = lambda code=0: None
        raise RuntimeError("failed")
        ---
        import builtins
        builtins.exec = builtins.compile = builtins.open = None
        sys.modules.clear()
        1 / 0
        ---
        def trace(frame, event, arg):
            frame.f_globals["ending"] = None
            return trace
        sys.settrace(trace); sys.setprofile(trace)
        1 / 0
        ---
        import gc
        for x in gc.get_objects():
            if type(x).__name__ == "function" and x.__name__ in ("_report", "_leave", "_execute"):
                x.__code__ = (lambda *a, **k: None).__code__
        1 / 0
        ---
        frame = sys._getframe()
        while frame.f_back: frame = frame.f_back; frame.f_locals.clear(); frame.f_globals.clear()
        ---
        class Fake(Exception):
            def __str__(self): os._exit(0)
            __repr__ = __str__
        raise Fake
        ---
        sys.excepthook = sys.unraisablehook = lambda *a: os._exit(0)
        1 / 0
        ---
        sys.stdout = sys.stderr = None; json = None
        1 / 0
        ---
        class M(type):
            __name__ = property(lambda c: "x" * 10**7)
        class E(Exception, metaclass=type): pass
        E.__name__ = "\\ud800" * 10; raise E("\\ud800")
        ---
        print(os.urandom(2000)); sys.stdout.buffer.write(bytes(range(256)) * 50)
        ---
        print("\\x00\\x1b[2J\\x1b]0;owned\\x07\\r\\n\\u202e")
        ---
        os.write(4, b"[" * 10**6)
        ---
        os.write(4, b'{"last": ' + b"9" * 10**5 + b"}\\n")
    """,
    "crash": """
        ctypes.string_at(0)
        ---
        sys.setrecursionlimit(10**9)
        def f(): f()
        f()
        ---
        def f(n): return f(n + 1)
        f(0)
        ---
        x = None
        for _ in range(10**6): x = [x]
        print(x)
        ---
        eval("(" * 10**5 + ")" * 10**5)
        ---
        exec("x = " + "-" * 10**6 + "1")
        ---
        os.abort()
        ---
        ctypes.memset(id(1), 255, 32); print(1 + 1)
        ---
        import faulthandler
        faulthandler._sigsegv()
        ---
        class A:
            def __del__(self):
                while True: A()
        A(); A()
        ---
        int("9" * 10**7)
        ---
        open("random.py", "w").write("raise SystemExit(9)"); del sys.modules["random"]; import random
        ---
        import pickle
        pickle.loads(b"cos\\nsystem\\n(S'cat @SECRET_FILE@'\\ntR.")
        ---
        import shutil
        shutil.rmtree(os.getcwd(), ignore_errors=True); open("x", "w")
        ---
        ctypes.memmove(0x400000, b"x" * 4096, 4096)
        ---
        os.nice(19); os.umask(0); os.sync()
    """,
}

_IMPORTS = "import ctypes, fcntl, os, resource, signal, socket, sys, threading, time\n"


def _attacks() -> Iterator[tuple[str, str]]:
    for family, text in ATTACKS.items():
        for block in dedent(text).split("\n---\n"):
            yield family, block.strip("\n") + "\n"


def _plain(code: str) -> str:
    return code


def _after_ignoring_signals(code: str) -> str:
    body = "    try: signal.signal(_s, signal.SIG_IGN)\n    except (OSError, ValueError): pass\n"
    return f"for _s in range(1, 65):\n{body}{code}"


def _in_a_thread(code: str) -> str:
    return f"def _attack():\n{indent(code, '    ')}\n_t = threading.Thread(target=_attack)\n_t.start()\n_t.join()\n"


def _at_exit(code: str) -> str:
    return f"import atexit\n@atexit.register\ndef _attack():\n{indent(code, '    ')}\nprint('harmless')\n"


def _in_a_child(code: str) -> str:
    return f"if os.fork() == 0:\n{indent(code, '    ')}\nelse:\n    os.wait()\n"


def _encoded(code: str) -> str:
    return f"import base64\nexec(base64.b64decode({base64.b64encode(code.encode()).decode()!r}), globals())\n"


def _while_deleted(code: str) -> str:
    return f"class _Attack:\n    def __del__(self):\n{indent(code, '        ')}\n_a = _Attack()\ndel _a\n"


def _caught(code: str) -> str:
    handler = "except BaseException as _e:\n    print('caught', type(_e), _e)\nprint('correct')\n"
    return f"try:\n{indent(code, '    ')}\n{handler}"


DISGUISES = (_plain, _after_ignoring_signals, _in_a_thread, _at_exit, _in_a_child, _encoded, _while_deleted, _caught)


def malicious_programs(targets: Targets) -> list[Malice]:
    """All attacks in all disguises, aimed at the targets."""
    aims = {
        "@SECRET_FILE@": targets.secret_file,
        "@OUTSIDE@": targets.outside,
        "@PORT@": str(targets.tcp_port),
        "@ABSTRACT@": targets.abstract_socket,
        "@SOCKET_FILE@": targets.socket_file,
        "@PROCESS@": str(targets.process),
    }
    programs = []
    for disguise in DISGUISES:
        for family, attack in _attacks():
            code = _IMPORTS + disguise(attack)
            for placeholder, aim in aims.items():
                code = code.replace(placeholder, aim)
            programs.append(Malice(family, disguise.__name__.strip("_"), code))
    return programs
