import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';

import { tmpdir, uptime } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';

const SOURCE = join(import.meta.dirname, 'linux');
const ID = '0123456789abcdef0123456789abcdef';
const NOW_S = 1_795_219_200;

/** The service with other folders, and stand-ins for system programs that only record their calls. */
function service({ synchronized = 'no' } = {}) {
  const root = mkdtempSync(join(tmpdir(), 'perch-clock-'));
  onTestFinished(() => rmSync(root, { recursive: true }));
  for (const folder of ['bin', 'lib', 'state/requests', 'host']) {
    mkdirSync(join(root, folder), { recursive: true });
  }
  const place = (name: string, to: string) => {
    const moved = readFileSync(join(SOURCE, name), 'utf8')
      .replaceAll('/usr/lib/perch/host/', `${root}/lib/`)
      .replaceAll('/var/lib/perch', `${root}/state`)
      .replaceAll('/run/perch-', `${root}/host/perch-`)
      .replaceAll(`${root}/host/perch-host/`, `${root}/host/`)
      .replaceAll('/dev/rtc0', `${root}/rtc0`);
    writeFileSync(join(root, to), moved, { mode: 0o755 });
  };
  place('host-request', 'lib/request');
  place('host-clock', 'lib/clock');
  const stand = (name: string, script: string) => {
    writeFileSync(join(root, 'bin', name), `#!/bin/sh\n${script}\n`);
    chmodSync(join(root, 'bin', name), 0o755);
  };
  stand('timedatectl', `echo ${synchronized}`);
  stand('date', `if [ "$2" = -s ]; then echo "$3" >> ${root}/set; else echo 2026-11-21T00:00:00Z; fi`);
  const file = join(root, 'state/requests/clock.json');
  return {
    root,
    file,
    stand,
    /** @returns its answer; undefined: it gave none */
    run: (request?: string) => {
      if (request !== undefined) {
        writeFileSync(file, request);
      }
      try {
        const env = { PATH: `${root}/bin:/usr/bin:/bin` };
        execFileSync('sh', [join(root, 'lib/clock')], { env, stdio: 'pipe' });
      } catch {
        return undefined;
      }
      const answer = join(root, 'host/clock.json');
      return existsSync(answer) ? JSON.parse(readFileSync(answer, 'utf8')) : undefined;
    },
    /** The time that was set. */
    set: () => (existsSync(join(root, 'set')) ? readFileSync(join(root, 'set'), 'utf8').trim() : undefined),
  };
}

const request = (unixMs: number | string, uptimeMs: number | string = Math.round(uptime() * 1_000)) =>
  `{"id":"${ID}","unixMs":${unixMs},"uptimeMs":${uptimeMs}}\n`;

test("the clock is set to the phone's time plus the elapsed time, and marked as trusted", () => {
  const { root, file, run, set } = service();
  const tenSecondsAgo = Math.round(uptime() * 1_000) - 10_000;
  expect(run(request(NOW_S * 1_000, tenSecondsAgo))).toMatchObject({ id: ID, ok: true });
  const seconds = Number(set()?.slice(1));
  expect(seconds).toBeGreaterThanOrEqual(NOW_S + 9.9);
  expect(seconds).toBeLessThan(NOW_S + 60);
  expect(existsSync(join(root, 'host/perch-clock-set'))).toBe(true);
  expect(existsSync(file)).toBe(false);
});

test.for([0, 1])('the battery-backed clock is set too, and its failure (exit code %i) is ignored', (code) => {
  const { root, run, stand } = service();
  writeFileSync(join(root, 'rtc0'), '');
  stand('hwclock', `echo "$*" >> ${root}/called; exit ${code}`);
  expect(run(request(NOW_S * 1_000))).toMatchObject({ id: ID, ok: true });
  expect(readFileSync(join(root, 'called'), 'utf8')).toBe('--systohc --utc\n');
});

test('a clock that the network sets is left alone', () => {
  const { root, run, set } = service({ synchronized: 'yes' });
  expect(run(request(NOW_S * 1_000))).toMatchObject({ ok: false, text: 'the network sets this clock' });
  expect(set()).toBeUndefined();
  expect(existsSync(join(root, 'host/perch-clock-set'))).toBe(false);
});

test.for([
  ['of 2025', 1_767_225_599_000 - 120_000, undefined],
  ['of 2100', 4_102_444_800_000, undefined],
  ['that was asked for two minutes ago', NOW_S * 1_000, -120_000],
  ['that is asked for in a minute', NOW_S * 1_000, 60_000],
] as const)('a time %s is refused', ([, unixMs, apartMs]) => {
  const { run, set } = service();
  const at = Math.round(uptime() * 1_000) + (apartMs ?? 0);
  expect(run(request(unixMs, at))).toMatchObject({ id: ID, ok: false });
  expect(set()).toBeUndefined();
});

test.for([
  ['nothing', ''],
  ['another id', request(NOW_S * 1_000).replace(ID, 'x'.repeat(32))],
  ['a command for a number', request('$(touch /tmp/x)')],
  ['a number that is a sum', request('1795219200000+1')],
  ['more behind it', request(NOW_S * 1_000).replace('}', ',"more":1}')],
  ['a text for a number', request(`"${NOW_S}000"`)],
  ['a number that is octal', request('0795219200000')],
  ['a megabyte', ' '.repeat(1 << 20)],
] as const)('%s is rejected as a request, removed and changes nothing', ([, text]) => {
  const { file, run, set } = service();
  expect(run(text)).toBeUndefined();
  expect(set()).toBeUndefined();
  expect(existsSync(file)).toBe(false);
});

test('a link in the place of the request is not followed', () => {
  const { root, file, run, set } = service();
  writeFileSync(join(root, 'elsewhere'), request(NOW_S * 1_000));
  symlinkSync(join(root, 'elsewhere'), file);
  expect(run()).toBeUndefined();
  expect(set()).toBeUndefined();
  expect(existsSync(join(root, 'elsewhere'))).toBe(true);
});
