import { join } from 'node:path';
import { type Agent, startAgent } from '../../peers/agent/agent.ts';
import { cameraClip } from '../../peers/cameras/camera.ts';
import { type RunningProcess, startProcess } from '../../peers/programs/process.ts';
import { freeUdpPair } from '../../support/base/free-port.ts';
import {
  names,
  recordingHasBegun,
  SETTLE_SECONDS,
  seconds,
  startCameras,
  startRecording,
} from '../cameras/eight-cameras.ts';
import type { Figure } from '../measure/figure.ts';
import { cpuSeconds } from '../measure/proc.ts';
import { startScript } from '../measure/script.ts';

const CLIP_SECONDS = 180;
const MEASURED_SECONDS = 30;

/** Eight encoders that send the cameras' clip as MPEG-TS over UDP, Perch recording them, and a process that drops the same datagrams. */
async function startTsRecording(): Promise<{
  readonly agent: Agent;
  readonly receiver: RunningProcess;
  readonly encoders: readonly RunningProcess[];
}> {
  const file = await cameraClip(CLIP_SECONDS, 2);
  const pairs = await Promise.all(names.map(async () => [(await freeUdpPair())[0], (await freeUdpPair())[0]] as const));
  const ports = pairs.map(([port]) => port);
  const receiver = startScript(
    join(import.meta.dirname, 'bare-receiver.ts'),
    pairs.map(([, port]) => String(port)),
  );
  await receiver.waitFor(/ready/);
  const paths = names.map((name, i) => `  ${name}: { source: 'udp+mpegts://127.0.0.1:${ports[i]}' }`);
  const agent = await startAgent({
    config: ['playback: yes', 'api: yes', 'pathDefaults: { record: yes }', 'paths:', ...paths, ''].join('\n'),
  });
  const encoders = pairs.map((both) =>
    startProcess('ffmpeg', [
      ...['-nostdin', '-v', 'error', '-re', '-stream_loop', '-1', '-i', file],
      ...both.flatMap((port) => ['-c', 'copy', '-f', 'mpegts', `udp://127.0.0.1:${port}?pkt_size=1316`]),
    ]),
  );
  return { agent, receiver, encoders };
}

export const tsRecordCpu: Figure = {
  name: 'ts-record-cpu',
  unit: '× RTSP over TCP',
  goal: 1.5,
  isAbsolute: false,
  about:
    'CPU time of Perch recording 8 sources of MPEG-TS over UDP ÷ that of recording 8 RTSP cameras over TCP, the same clip at the same time',
  measure: async (note) => {
    await using cameras = await startCameras(CLIP_SECONDS);
    await using udp = await startRecording(cameras, undefined, 'udp');
    await using tcp = await startRecording(cameras);
    const { agent, receiver, encoders } = await startTsRecording();
    try {
      await recordingHasBegun(udp);
      await recordingHasBegun(tcp);
      await recordingHasBegun(agent);
      await seconds(SETTLE_SECONDS);
      const measured = [agent.process, udp.process, tcp.process, receiver];
      const before = measured.map(({ pid }) => cpuSeconds(pid));
      await seconds(MEASURED_SECONDS);
      const used = measured.map(({ pid }, i) => cpuSeconds(pid) - (before[i] as number));
      const [ts = 0, overUdp = 0, overTcp = 1, bare = 0] = used;
      const overUdpAndTcp = `RTSP over UDP ${overUdp.toFixed(2)} s, over TCP ${overTcp.toFixed(2)} s`;
      const times = `MPEG-TS ${ts.toFixed(2)} s; ${overUdpAndTcp}; Node only receiving MPEG-TS ${bare.toFixed(2)} s`;
      note(`${times} of CPU in ${MEASURED_SECONDS} s; RTSP over UDP ${(overUdp / overTcp).toFixed(2)} × over TCP`);
      return [ts / overTcp];
    } finally {
      await Promise.all([receiver, ...encoders].map((one) => one.stop('SIGKILL')));
      await agent[Symbol.asyncDispose]();
    }
  },
};
