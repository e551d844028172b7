import { expect, test } from 'vitest';
import { type Agent, startAgent, until } from '../peers/agent/agent.ts';
import { barClip, SMALL } from '../peers/cameras/bar-clip.ts';
import { CountingViewer } from '../peers/clients/counting-viewer.ts';
import { publishClip } from '../peers/clients/publisher.ts';
import { type Namespace, openNamespace } from '../peers/host/namespace.ts';
import { byLength, describeWith } from '../peers/programs/peers.ts';
import { runProcess } from '../peers/programs/process.ts';

/** Several hundred packets a second, and key frames that fill the router's queue. */
const CLIP = { ...SMALL, kilobitsPerSecond: 4_000, groupSeconds: 2 };
/** A queue of 32 full packets. */
const SHAPER = ['tbf', 'rate', '10mbit', 'burst', '3000', 'limit', '48000'];
const PACKETS = byLength(5_000, 30_000);
/** The two viewers are sent the same pictures, cut at other places by their pace. */
const TOLERATED_SHARE = 0.002;

async function run(command: string, ...args: readonly string[]): Promise<void> {
  expect(await runProcess(command, args)).toMatchObject({ code: 0 });
}

interface SlowLink extends AsyncDisposable {
  readonly router: Namespace;
  /** Behind the router. */
  readonly far: Namespace;
}

/** Two of one kind, for two viewers at the same time. */
async function openSlowLinks() {
  await using stack = new AsyncDisposableStack();
  const [first, second] = [stack.use(await openSlowLink()), stack.use(await openSlowLink())];
  const kept = stack.move();
  return { first, second, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

async function openSlowLink(): Promise<SlowLink> {
  await using stack = new AsyncDisposableStack();
  const router = stack.use(await openNamespace());
  const far = stack.use(await openNamespace({ behind: router }));
  // Bursts become packets in front of the router, as on a cable.
  await run('ethtool', '--offload', router.hostInterface, 'tx-udp-segmentation', 'off');
  await run('ip', 'netns', 'exec', router.name, 'tc', 'qdisc', 'add', 'dev', far.hostInterface, 'root', ...SHAPER);
  const kept = stack.move();
  return { router, far, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

const sendsBursts = async (agent: Agent): Promise<boolean> =>
  (await agent.json<{ native: { udpBursts: boolean } }>('/v3/system')).native.udpBursts;

describeWith(['ffmpeg', 'namespaces'], 'on a link of 10 Mbit/s', () => {
  test.concurrent.for([
    ['WebRTC', (agent, { router, far }) => CountingViewer.overWebRtc(agent, far, 'udp', router.hostIp)],
    ['RTSP over UDP', (agent, { router, far }) => CountingViewer.overRtsp(agent, far, router.hostIp)],
  ] as readonly [string, (agent: Agent, link: SlowLink) => CountingViewer][])(
    '%s loses no more packets in bursts than one by one',
    async ([, open]) => {
      const config = 'api: yes\npaths:\n  cam:\n';
      await using links = await openSlowLinks();
      await using bursts = await startAgent({ config, host: '0.0.0.0', isOwned: true });
      await using _clip = await publishClip(bursts, 'cam', await barClip(CLIP), { isEndless: true });
      await using single = await startAgent({
        config: `${config}    source: ${bursts.rtspUrl('cam')}\n    rtspTransport: tcp\n`,
        host: '0.0.0.0',
        isOwned: true,
        env: { PERCH_NO_FFI: '1' },
      });
      await until(async () => (await single.json<{ ready: boolean }>('/v3/paths/get/cam')).ready || undefined);
      await using inBursts = open(bursts, links.first);
      await using oneByOne = open(single, links.second);
      // The first group of pictures is sent faster than the link takes it.
      await Promise.all([inBursts.receives(PACKETS / 5), oneByOne.receives(PACKETS / 5)]);
      const [burstLoss, singleLoss] = await Promise.all([inBursts.lossOf(PACKETS), oneByOne.lossOf(PACKETS)]);
      expect([await sendsBursts(bursts), await sendsBursts(single)]).toEqual([true, false]);
      expect(burstLoss).toBeLessThanOrEqual(singleLoss + TOLERATED_SHARE);
    },
  );
});
