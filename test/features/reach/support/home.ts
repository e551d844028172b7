import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { linkLocal, openNamespace } from '../../../peers/host/namespace.ts';
import { type RunningProcess, runProcess, startProcess } from '../../../peers/programs/process.ts';

export interface HomeOptions {
  /** Address on the internet that the router believes to have; default: a public one. Empty: that of its cable, which is not public. */
  readonly outside?: string;
  readonly upnp?: boolean;
  /** NAT-PMP and PCP. */
  readonly natPmp?: boolean;
}

export const OUTSIDE = '93.184.216.7';
/** The home network by IPv6, and this machine's side of the router. */
const [HOME6, OUTSIDE6] = ['2a01:4880:770', '2a01:4880:771'];
export const BOX6 = `${HOME6}::2`;

/** A router with miniupnpd between this machine, which stands for the internet, and a home network with one box. */
export async function openHome() {
  const folder = mkdtempSync(join(tmpdir(), 'perch-home-'));
  const router = await openNamespace();
  const box = await openNamespace({ behind: router });
  const lan = box.hostInterface;
  const wan = router.farInterface;
  const inRouter = ['netns', 'exec', router.name];
  const inBox = ['netns', 'exec', box.name];
  const run = async (...args: readonly string[]): Promise<string> => {
    const { code, output } = await runProcess('ip', args);
    if (code !== 0) {
      throw new Error(`ip ${args.join(' ')}: ${output}`);
    }
    return output;
  };
  // One for IPv6 as well, which announces itself in a real home.
  await run('-n', router.name, 'addr', 'add', `${HOME6}::1/64`, 'dev', lan, 'nodad');
  await run('-n', router.name, 'addr', 'add', `${OUTSIDE6}::2/64`, 'dev', wan, 'nodad');
  await run(...inRouter, 'sh', '-c', 'echo 1 > /proc/sys/net/ipv6/conf/all/forwarding');
  await run('-n', box.name, 'addr', 'add', `${BOX6}/64`, 'dev', box.farInterface, 'nodad');
  const gateway6 = await linkLocal(['-n', router.name], lan);
  await run('-n', box.name, 'route', 'add', 'default', 'via', gateway6, 'dev', box.farInterface);
  await run('addr', 'add', `${OUTSIDE6}::1/64`, 'dev', router.hostInterface, 'nodad');
  await run('route', 'add', `${HOME6}::/64`, 'via', `${OUTSIDE6}::2`, 'dev', router.hostInterface);
  // The router's firewall lets nothing in but what miniupnpd opens, and this test to the box's http port.
  writeFileSync(
    join(folder, 'nft'),
    `table inet filter {
      chain forward { type filter hook forward priority 0; policy drop; ct state established,related accept; iifname "${lan}" accept; tcp dport 8080 accept; jump miniupnpd; }
      chain miniupnpd { }
      chain prerouting { type nat hook prerouting priority -100; jump prerouting_miniupnpd; }
      chain postrouting { type nat hook postrouting priority 100; jump postrouting_miniupnpd; }
      chain prerouting_miniupnpd { }
      chain postrouting_miniupnpd { }
    }`,
  );
  await run(...inRouter, 'nft', '-f', join(folder, 'nft'));
  const started: RunningProcess[] = [];
  let daemon: RunningProcess | undefined;
  const configure = ({ outside = OUTSIDE, upnp = true, natPmp = true }: HomeOptions = {}) =>
    writeFileSync(
      join(folder, 'conf'),
      [
        ...[`ext_ifname=${wan}`, outside === '' ? '' : `ext_ip=${outside}`, `listening_ip=${lan}`, 'secure_mode=yes'],
        ...[`enable_natpmp=${natPmp ? 'yes' : 'no'}`, `enable_upnp=${upnp ? 'yes' : 'no'}`, 'system_uptime=no'],
        // Else it answers PCP by IPv6 in any case.
        `ipv6_disable=${natPmp ? 'no' : 'yes'}`,
        // It removes no IPv6 port that was renewed: its lease ends.
        'min_lifetime=2',
        ...['uuid=b183a04e-e6ae-4b0b-823e-fe1b48e3e1b6', `allow 1024-65535 ${box.hostIp}/24 1024-65535`],
        ...['deny 0-65535 0.0.0.0/0 0-65535', ''],
      ].join('\n'),
    );
  const start = async ({ natPmp = true }: HomeOptions = {}) => {
    daemon = startProcess('ip', [
      ...inRouter,
      ...['miniupnpd', '-d', '-f', join(folder, 'conf'), '-P', join(folder, 'pid')],
    ]);
    await daemon.waitFor(natPmp ? /Listening for NAT-PMP/ : /HTTP listening/);
  };
  const stop = async () => {
    await daemon?.stop('SIGKILL');
    for (const chain of ['miniupnpd', 'prerouting_miniupnpd', 'postrouting_miniupnpd']) {
      await run(...inRouter, 'nft', 'flush', 'chain', 'inet', 'filter', chain);
    }
  };
  const connect = `const s=require('node:net').connect({host:process.argv[1],port:Number(process.argv[2])});
    s.on('connect',()=>process.exit(0)).on('error',()=>process.exit(1));setTimeout(()=>process.exit(1),3000)`;
  return {
    router,
    box,
    /** Starts miniupnpd, as after a restart: it has forgotten all mappings. */
    restart: async (options?: HomeOptions) => {
      await stop();
      configure(options);
      await start(options);
    },
    stop,
    /** The router's rules for ports. */
    rules: async () => {
      const output = await run(...inRouter, 'nft', 'list', 'chain', 'inet', 'filter', 'prerouting_miniupnpd');
      return [...output.matchAll(/dport (\d+) dnat ip to ([\d.:]+)/g)].map(([, port, to]) => `${port} ${to}`);
    },
    /** The router's open IPv6 ports. */
    pinholes: async () => {
      const output = await run(...inRouter, 'nft', 'list', 'chain', 'inet', 'filter', 'miniupnpd');
      return [...output.matchAll(/th dport (\d+)/g)].map(([, port]) => Number(port));
    },
    /** Whether the internet reaches a port of the router. */
    isOpen: async (port: number, host = router.ip) =>
      (await runProcess(process.execPath, ['-e', connect, host, `${port}`])).code === 0,
    /** Starts a program on the box. */
    startInBox: (command: readonly string[], env: NodeJS.ProcessEnv = {}) => {
      const running = startProcess('ip', [...inBox, ...command], env);
      started.push(running);
      return running;
    },
    /** The provider gives the router another address; this test still reaches it by the former one. */
    joinCarrier: async (address: string) => {
      const cable = ['dev', wan];
      await run('-n', router.name, 'addr', 'del', `${router.ip}/24`, ...cable);
      await run('-n', router.name, 'addr', 'add', `${address}/32`, ...cable);
      await run('-n', router.name, 'addr', 'add', `${router.ip}/24`, ...cable);
      await run('-n', router.name, 'route', 'add', 'default', 'via', router.hostIp);
    },
    inBox: (...command: readonly string[]) => run(...inBox, ...command),
    async [Symbol.asyncDispose]() {
      await Promise.all([...started, ...(daemon ? [daemon] : [])].map((one) => one.stop()));
      await box[Symbol.asyncDispose]();
      await router[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
