import { systemClock } from '../../../../agent/base/clock.ts';
import { DemoStreams } from '../../../../agent/demo-camera/demo-streams.ts';
import { startOnvifCamera } from '../../../onvif-camera/camera.ts';
import { LOGIN } from '../support/outage.ts';
import { clipCard } from './clip-card.ts';

/**
 * A camera whose card has begun at a time (Unix milliseconds) and has some seconds: `card-camera.ts FROM_MS SECONDS [PACE]`. It replays
 * so many times as fast as it has recorded; without it as fast as it can. Prints its addresses.
 */
const [fromMs, seconds, replayPace] = process.argv.slice(2).map(Number);
const card = await clipCard(fromMs ?? 0, seconds ?? 0);
const feed = new DemoStreams(systemClock, new Map([['main', [320, 180]]]));
const camera = await startOnvifCamera({
  credentials: LOGIN,
  card,
  feed,
  quirks: { cardHasNoSound: true, ...(replayPace && { replayPace }) },
});
const bytes = card.units.reduce((sum, { data }) => sum + data.length, 0);
const replayUrl = `rtsp://127.0.0.1:${camera.state.replayPort}/replay/RECORDING_1`;
process.stdout.write(`${JSON.stringify({ url: camera.url, rtspUrl: camera.rtspUrl(), replayUrl, bytes })}\n`);
process.stdin.on('end', () => process.exit(0)).resume();
