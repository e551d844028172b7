import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AGENT } from '../../../peers/agent/agent.ts';
import { type RunningProcess, runProcess, startProcess } from '../../../peers/programs/process.ts';
import { openHome } from './home.ts';

const LINUX = join(import.meta.dirname, '../../../../packaging/linux');

/** A `systemctl` that starts and stops the program of `perch-wireguard-interface.service` as systemd would. */
const SYSTEMCTL = `#!/bin/sh
if [ -e /run/service ]; then
  kill "$(cat /run/service)" 2> /dev/null
  while kill -0 "$(cat /run/service)" 2> /dev/null; do sleep 0.05; done
  rm /run/service
  LIB/wireguard-phones down
fi
[ "$1" = restart ] || exit 0
LIB/wireguard-phones up || exit 1
setsid LIB/wireguard-phones run < /dev/null > /run/service.log 2>&1 &
echo $! > /run/service
`;
/** Stands in for `perch-wireguard.path` and its service. */
const PATH_UNIT = 'while :; do [ ! -e /var/lib/perch/requests/wireguard.json ] || "$1/wireguard"; sleep 0.1; done';

/** A home whose box has root's service for WireGuard. */
export async function openVpnHome() {
  const home = await openHome();
  await home.restart();
  const root = mkdtempSync(join(tmpdir(), 'perch-vpn-'));
  const lib = join(root, 'lib');
  for (const folder of ['lib', 'bin', 'run/perch-host', 'var/perch', 'var/perch-wireguard']) {
    mkdirSync(join(root, folder), { recursive: true });
  }
  chmodSync(root, 0o755);
  const program = (path: string, text: string) => writeFileSync(join(root, path), text, { mode: 0o755 });
  for (const [name, as] of [
    ['host-request', 'request'],
    ['host-wireguard', 'wireguard'],
    ['wireguard-phones', 'wireguard-phones'],
  ] as const) {
    program(`lib/${as}`, readFileSync(join(LINUX, name), 'utf8').replaceAll('/usr/lib/perch/host', lib));
  }
  program('bin/systemctl', SYSTEMCTL.replaceAll('LIB', lib));
  writeFileSync(join(root, 'run/perch-host/wireguard.ready'), '/var/lib/perch\n');
  const inside = `mount --bind ${root}/run /run; mount --bind ${root}/var /var/lib; PATH=${root}/bin:$PATH exec "$@"`;
  const boxed = (...words: readonly string[]) => ['sh', '-c', inside, 'sh', ...words];
  home.startInBox(boxed('sh', '-c', PATH_UNIT, 'sh', lib));
  const perch = home.startInBox(boxed(process.execPath, ...AGENT, '--data', '/var/lib/perch'), {
    PERCH_ADDRESS: ':8080',
    PERCH_TLSADDRESS: ':8443',
  });
  await perch.waitFor(/Also in this network/);
  const phones: (() => Promise<void>)[] = [];
  return {
    home,
    dataDir: join(root, 'var/perch'),
    service: join(lib, 'wireguard-phones'),
    /** What anyone on the box can read. */
    shown: () => readFileSync(join(root, 'run/perch-host/wireguard'), 'utf8'),
    keyFile: () => {
      const file = join(root, 'var/perch-wireguard/key');
      return { text: readFileSync(file, 'utf8').trim(), mode: statSync(file).mode & 0o777 };
    },
    inBox: (...words: readonly string[]) => home.inBox(...boxed(...words)),
    startInBox: (...words: readonly string[]) => home.startInBox(boxed(...words)),
    /** A phone on the internet, with wireguard-go. @param configuration as its QR code has it */
    startPhone: async (configuration: string) => {
      const name = `pw18x${process.pid % 10_000}x${phones.length}`;
      const namespace = `${home.box.name}-phone${phones.length}`;
      const run = async (command: string, ...args: readonly string[]) => {
        const { code, output } = await runProcess(command, args);
        if (code !== 0) {
          throw new Error(`${command} ${args.join(' ')}: ${output}`);
        }
      };
      const value = (key: string) => new RegExp(`^${key} = (.+)$`, 'm').exec(configuration)?.[1] ?? '';
      const file = join(root, `${name}.conf`);
      writeFileSync(file, configuration.replace(/^Address = .*\n/m, ''), { mode: 0o600 });
      // Its datagrams leave from this network, its tunnel ends in the phone's.
      const program: RunningProcess = startProcess('wireguard-go', ['-f', name], { LOG_LEVEL: 'error' });
      phones.push(async () => {
        await program.stop();
        await runProcess('ip', ['netns', 'del', namespace]);
      });
      await run('ip', 'netns', 'add', namespace);
      await run(
        'sh',
        '-c',
        `for i in $(seq 100); do [ -S /run/wireguard/${name}.sock ] && exit; sleep 0.1; done; exit 1`,
      );
      await run('wg', 'setconf', name, file);
      await run('ip', 'link', 'set', name, 'netns', namespace);
      await run('ip', '-n', namespace, 'addr', 'add', value('Address'), 'dev', name);
      await run('ip', '-n', namespace, 'link', 'set', name, 'up');
      await run('ip', '-n', namespace, 'route', 'add', 'default', 'dev', name);
      return {
        /** Lets the phone send to any address through the tunnel, whatever its configuration says. */
        widen: () => run('wg', 'set', name, 'peer', value('PublicKey'), 'allowed-ips', '0.0.0.0/0'),
        /** @returns the status of a page; 0: there is no answer */
        get: async (url: string) => {
          const curl = ['curl', '-sk', '-m', '3', '-o', '/dev/null', '-w', '%{http_code}', url];
          return Number((await runProcess('ip', ['netns', 'exec', namespace, ...curl])).output);
        },
      };
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(phones.map((end) => end()));
      await home.inBox(...boxed('systemctl', 'stop')).catch(() => {});
      await home[Symbol.asyncDispose]();
      rmSync(root, { recursive: true, force: true });
    },
  };
}
