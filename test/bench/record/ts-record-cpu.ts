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

const CLIP_SECONDS = 180;
const MEASURED_SECONDS = 30;

/** Eight encoders that send the cameras' clip as MPEG-TS over UDP, and Perch recording them. */
async function startTsRecording(): Promise<{ readonly agent: Agent; readonly encoders: readonly RunningProcess[] }> {
  const file = await cameraClip(CLIP_SECONDS, 2);
  const ports = await Promise.all(names.map(async () => (await freeUdpPair())[0]));
  const paths = names.map((name, i) => `  ${name}: { source: 'udp+mpegts://127.0.0.1:${ports[i]}' }`);
  const agent = await startAgent({
    config: ['playback: yes', 'api: yes', 'pathDefaults: { record: yes }', 'paths:', ...paths, ''].join('\n'),
  });
  const encoders = ports.map((port) =>
    startProcess('ffmpeg', [
      ...['-nostdin', '-v', 'error', '-re', '-stream_loop', '-1', '-i', file, '-c', 'copy'],
      ...['-f', 'mpegts', `udp://127.0.0.1:${port}?pkt_size=1316`],
    ]),
  );
  return { agent, encoders };
}

export const tsRecordCpu: Figure = {
  name: 'ts-record-cpu',
  unit: '× RTSP over UDP',
  goal: 1.5,
  isAbsolute: false,
  about:
    'CPU time of Perch recording 8 sources of MPEG-TS over UDP ÷ that of recording 8 RTSP cameras over UDP, the same clip at the same time',
  measure: async (note) => {
    await using cameras = await startCameras(CLIP_SECONDS);
    await using udp = await startRecording(cameras, undefined, 'udp');
    await using tcp = await startRecording(cameras);
    const { agent, encoders } = await startTsRecording();
    try {
      await recordingHasBegun(udp);
      await recordingHasBegun(tcp);
      await recordingHasBegun(agent);
      await seconds(SETTLE_SECONDS);
      const agents = [agent, udp, tcp];
      const before = agents.map(({ process }) => cpuSeconds(process.pid));
      await seconds(MEASURED_SECONDS);
      const used = agents.map(({ process }, i) => cpuSeconds(process.pid) - (before[i] as number));
      const [ts = 0, overUdp = 1, overTcp = 1] = used;
      const times = `MPEG-TS ${ts.toFixed(2)} s, RTSP over UDP ${overUdp.toFixed(2)} s, over TCP ${overTcp.toFixed(2)} s`;
      // Node reads each datagram alone, and many packets of a connection together.
      note(`${times} of CPU in ${MEASURED_SECONDS} s: ${(ts / overTcp).toFixed(2)} × RTSP over TCP`);
      return [ts / overUdp];
    } finally {
      await Promise.all(encoders.map((encoder) => encoder.stop('SIGKILL')));
      await agent[Symbol.asyncDispose]();
    }
  },
};
