import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeWith } from '../peers/programs/peers.ts';
import { NOT_RECORDING, PerchMachine } from './machine/perch-machine.ts';

const USB = '/mnt/usb';
const RECORDINGS = `${USB}/perch`;
/** Perch's signs of life to systemd, in seconds since the machine's start, and since when it runs. */
const ALIVE = '$(($(systemctl show perch.service --property=WatchdogTimestampMonotonic --value) / 1000000))';
const RUNS_SINCE = '$(($(systemctl show perch.service --property=ActiveEnterTimestampMonotonic --value) / 1000000))';
const UPTIME = 'cut -d . -f 1 /proc/uptime';
/** Longer than a recorder may be silent, and than a service has to have run for that to count. */
const SILENT_S = 120;
const PATIENCE_S = 620;

describeWith(['root', 'qemu', 'mmdebstrap', 'dpkg-deb', 'ffmpeg'], 'on a machine that has run for ten minutes', () => {
  let box: PerchMachine;
  beforeAll(async () => {
    box = await PerchMachine.boot({ disks: { usb: 300 } });
    await box.install();
    await box.recordTo('usb');
    await box.machine.until(`[ $(${UPTIME}) -gt $((${RUNS_SINCE} + ${PATIENCE_S})) ]`);
  }, 1_800_000);
  afterAll(() => box?.[Symbol.asyncDispose]());

  test('a disk that hangs for two minutes does not restart Perch, and recording continues afterwards', async () => {
    const { machine } = box;
    const pid = await box.mainPid();
    await machine.must(`fsfreeze -f ${USB}`);
    try {
      const frozenS = Number(await machine.must(UPTIME));
      await machine.until(NOT_RECORDING);
      await expect.poll(() => box.ills()).toMatch(/^bad not recording to \/mnt\/usb\/perch: the disk /m);
      await machine.until(`[ ${ALIVE} -gt ${frozenS + SILENT_S} ]`);
      expect(await box.mainPid()).toBe(pid);
    } finally {
      await machine.must(`fsfreeze -u ${USB}`);
    }
    await box.goesOn(RECORDINGS);
    expect(await box.mainPid()).toBe(pid);
  });

  test('a recorder that writes nothing more is ended by the watchdog and begins again', async () => {
    const { machine } = box;
    const restarts = () => machine.must('systemctl show perch.service --property=NRestarts --value');
    const before = Number(await restarts());
    await machine.must('systemctl kill --signal=USR1 --kill-whom=main perch.service');
    await machine.until(`/usr/lib/perch/node/bin/node -e '${SILENCE}'`);
    await machine.until(`[ "$(systemctl show perch.service --property=NRestarts --value)" -gt ${before} ]`);
    const said = await machine.must('journalctl --unit=perch.service --output=cat');
    expect(said).toContain('recorder has stopped while its camera sends');
    expect(said).toMatch(/[Ww]atchdog timeout/);
    expect(Number(await restarts())).toBe(before + 1);
    await box.goesOn(RECORDINGS);
    await box.isWholeAndGoesOn(RECORDINGS);
  });
});

/**
 * By Node's debugger, which a signal opens on loopback: whatever is appended to a file from now on is said to be written, and is not.
 * The event loop, the camera and the disk are well all the while.
 */
const SILENCE = `
const expression = \`process.getBuiltinModule("node:fs").writev = (fd, pieces, done) =>
  setImmediate(done, null, pieces.reduce((sum, piece) => sum + piece.length, 0))\`;
fetch("http://127.0.0.1:9229/json/list").then((answer) => answer.json()).then(([{ webSocketDebuggerUrl }]) => {
  const socket = new WebSocket(webSocketDebuggerUrl);
  socket.onopen = () => socket.send(JSON.stringify({ id: 1, method: "Runtime.evaluate", params: { expression } }));
  socket.onmessage = ({ data }) => {
    const { id, result } = JSON.parse(data);
    if (id === 1) process.exit(result.exceptionDetails ? 1 : 0);
  };
});
`;
