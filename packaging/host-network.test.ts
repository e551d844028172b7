import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';

const ID = '0123456789abcdef0123456789abcdef';
const MAC = '1e:84:34:1c:93:24';

/** The service of requests in other folders; what it calls only notes how. */
function service(calls = 'exit 0') {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'perch-network-')));
  onTestFinished(() => rmSync(root, { recursive: true }));
  for (const folder of ['lib', 'state/requests', 'host']) {
    mkdirSync(join(root, folder), { recursive: true });
  }
  for (const name of ['request', 'network']) {
    const moved = readFileSync(join(import.meta.dirname, `linux/host-${name}`), 'utf8')
      .replaceAll('/usr/lib/perch/host/', `${root}/lib/`)
      .replaceAll('/var/lib/perch', `${root}/state`)
      .replaceAll('/run/perch-host/', `${root}/host/`);
    writeFileSync(join(root, 'lib', name), moved, { mode: 0o755 });
  }
  const noted = `#!/bin/sh\nprintf '%s\\n' "$*" >> ${root}/called\n${calls}\n`;
  writeFileSync(join(root, 'lib/camera-network'), noted, { mode: 0o755 });
  const read = (name: string) => (existsSync(join(root, name)) ? readFileSync(join(root, name), 'utf8') : '');
  const file = join(root, 'state/requests/network.json');
  return {
    called: () => read('called').trim(),
    isTaken: () => !existsSync(file),
    /** @returns its answer; undefined: it gave none */
    run: (request: string) => {
      writeFileSync(file, request);
      try {
        execFileSync('sh', [join(root, 'lib/network')], { stdio: 'pipe' });
      } catch {
        return undefined;
      }
      return JSON.parse(read('host/network.json'));
    },
  };
}

test.for([
  [{ do: 'on', interface: 'eth1' }, 'on eth1'],
  [{ do: 'on', interface: 'enx001122334455' }, 'on enx001122334455'],
  [{ do: 'on', interface: 'eth0.20' }, 'on eth0.20'],
  [{ do: 'off' }, 'off'],
  [{ do: 'release', mac: MAC }, `release ${MAC}`],
  [{ do: 'withdraw', mac: MAC }, `withdraw ${MAC}`],
] as const)('%o is asked for', ([request, call]) => {
  const { run, called, isTaken } = service();
  expect(run(`${JSON.stringify({ id: ID, ...request })}\n`)).toEqual({ id: ID, ok: true, text: 'done' });
  expect(called()).toBe(call);
  expect(isTaken()).toBe(true);
});

test('a refusal has its last line as the reason, without characters that JSON would need to escape', () => {
  const { run } = service(`echo noise >&2; printf '%s\\n' 'eth1 cannot: "x\\\\y" \`$(z)\`' >&2; exit 3`);
  const answer = run(`{"id":"${ID}","do":"on","interface":"eth1"}\n`);
  expect(answer).toMatchObject({ id: ID, ok: false });
  expect(answer.text).toMatch(/^eth1 cannot: [ xyz]+$/);
});

const on = (name: string) => `{"id":"${ID}","do":"on","interface":"${name}"}\n`;
test.for([
  ['nothing', ''],
  ['an interface that is an option', on('-h')],
  ['an interface that is a path', on('../lo')],
  ['an interface of sixteen characters', on('a'.repeat(16))],
  ['an interface with a space', on('eth1 up')],
  ['an interface with a command', on('$(id)')],
  ['an interface with a quote', on("e'1")],
  ['no interface', on('')],
  ['more behind it', on('eth1').replace('}', ',"more":1}')],
  ['a release of what is no MAC address', `{"id":"${ID}","do":"release","mac":"${MAC}:00"}\n`],
  ['a release of an address in capitals', `{"id":"${ID}","do":"release","mac":"${MAC.toUpperCase()}"}\n`],
  ['another verb', `{"id":"${ID}","do":"run"}\n`],
  ['another id', on('eth1').replace(ID, 'x'.repeat(32))],
  ['a second line', `x\n${on('eth1')}`],
  ['a megabyte', ' '.repeat(1 << 20)],
] as const)('%s is rejected as a request, removed and does nothing', ([, text]) => {
  const { run, called, isTaken } = service();
  expect(run(text)).toBeUndefined();
  expect(called()).toBe('');
  expect(isTaken()).toBe(true);
});
