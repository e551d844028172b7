import { type Agent, startAgent, until } from '../../peers/agent/agent.ts';
import { type BarClip, barClip } from '../../peers/cameras/bar-clip.ts';
import { publishClip } from '../../peers/clients/publisher.ts';
import { seconds } from '../cameras/eight-cameras.ts';
import type { Figure } from '../measure/figure.ts';
import { cpuSeconds } from '../measure/proc.ts';
import { startLightViewers } from './start-light-viewers.ts';
import { SENT_CLIP } from './webrtc-server.ts';

const ROUNDS = 3;
const VIEWERS = 20;
/** V8 has compiled the paths of the packets by then. */
const SETTLE_SECONDS = 15;
const MEASURED_SECONDS = 15;

/** A box with the viewers of one camera, until it is disposed. */
async function watchedBox(clip: BarClip): Promise<{ agent: Agent } & AsyncDisposable> {
  await using stack = new AsyncDisposableStack();
  const agent = stack.use(await startAgent({ config: 'api: yes\npaths: { all_others: }\n' }));
  stack.use(await publishClip(agent, 'cam', await barClip(clip), { isEndless: true }));
  await until(async () => (await agent.json<{ ready: boolean }>('/v3/paths/get/cam')).ready || undefined);
  const viewers = stack.use(startLightViewers(`http://127.0.0.1:${agent.ports.webrtc}/cam/whep`));
  await viewers.ask(`open ${VIEWERS}`);
  const kept = stack.move();
  return { agent, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

export const webrtcSound: Figure = {
  name: 'webrtc-sound',
  unit: '×',
  goal: 1.25,
  isAbsolute: false,
  about: `CPU time of a box with ${VIEWERS} WebRTC viewers of a 4 Mbit/s camera with AAC, which they hear as Opus, relative to the same camera without sound at the same time`,
  measure: async (note) => {
    await using sounding = await watchedBox({ ...SENT_CLIP, audio: 'aac' });
    await using silent = await watchedBox(SENT_CLIP);
    await seconds(SETTLE_SECONDS);
    const used = (): number[] => [sounding, silent].map(({ agent }) => cpuSeconds(agent.process.pid));
    const ratios: number[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      const before = used();
      await seconds(MEASURED_SECONDS);
      const [withSound = Number.NaN, without = Number.NaN] = used().map(
        (cpu, i) => (cpu - (before[i] ?? 0)) / MEASURED_SECONDS,
      );
      note(`${withSound.toFixed(3)} cores with sound, ${without.toFixed(3)} without`);
      ratios.push(withSound / without);
    }
    return ratios;
  },
};
