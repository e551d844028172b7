import { expect, test } from 'vitest';
import { rtpFrame } from '../../../test/support/cameras/scripted-camera.ts';
import { type PublisherSession, picture, recording, sound } from '../../../test/support/clients/rtsp-publisher.ts';
import { idrPicture } from '../../../test/support/media/tiny-h264.ts';

/** Sends a film as fast as its connection is read. @returns how many pictures have been read */
async function sendFilm(session: PublisherSession, pictures: number, seconds: number): Promise<number> {
  let sent = 0;
  for (let ms = 0; ms <= seconds * 1000; ms += 50) {
    for (; sent < pictures && !session.isPaused; sent += 1) {
      session.take(picture(sent));
      session.take(sound(sent));
    }
    await session.clock.advance(50);
  }
  return sent;
}

test('a publisher faster than real time is slowed down after its first two seconds, with one warning', async () => {
  const { session, said } = recording();
  const sent = await sendFilm(session, 1_000, 20);
  expect(Math.abs(sent - 22 * 25)).toBeLessThan(5);
  expect(said()).toMatchObject([
    { path: 'garden', msg: 'publisher sends faster than real time and is slowed down (ffmpeg: -re)' },
  ]);
  expect(session.ends).toEqual([]);
  // The system may discard received bytes when more arrive on a closed socket.
  expect(session.frames).toEqual([]);
});

test('a publisher that has to wait never waits for long at a time, and is not silent meanwhile', async () => {
  const { session } = recording();
  const waits: number[] = [];
  let sent = 0;
  for (let waitMs = 0; sent < 500; ) {
    if (session.isPaused) {
      await session.clock.advance(10);
      waitMs += 10;
      expect(session.media.lastReceivedMs).toBe(session.clock.monoMs());
      continue;
    }
    waits.push(waitMs);
    waitMs = 0;
    session.take(picture(sent));
    session.take(sound(sent));
    sent += 1;
  }
  expect(Math.max(...waits)).toBeLessThanOrEqual(200);
});

test('a publisher that starts with a cache of two seconds and continues in real time never waits', async () => {
  const { session, said } = recording();
  for (let i = 0; i < 1_000; i += 1) {
    session.take(picture(i));
    session.take(sound(i));
    await session.clock.advance(i < 49 ? 0 : 40);
  }
  expect(session.pauses).toBe(0);
  expect(said()).toEqual([]);
});

test('a jump of the timestamps is not speed', async () => {
  const { session } = recording();
  for (let i = 0; i < 100; i += 1) {
    const jump = i < 50 ? 0 : 90_000 * 3_600;
    const header = { type: 96, ssrc: 9, marker: true, sequence: i, ticks: i * 3_600 + jump };
    session.take(rtpFrame(0, idrPicture(50).subarray(4), header));
    session.take(sound(i));
    await session.clock.advance(40);
  }
  expect(session.pauses).toBe(0);
});

test.for([
  ['ends', (session: PublisherSession) => session.media.close()],
  ['pauses', (session: PublisherSession) => session.media.stop()],
] as const)('when a publisher that has to wait %s, its connection is read again', async ([, leave]) => {
  const { session } = recording();
  for (let i = 0; !session.isPaused; i += 1) {
    session.take(picture(i));
    session.take(sound(i));
  }
  leave(session);
  expect(session.isPaused).toBe(false);
  await session.clock.advance(60_000);
  expect(session.pauses).toBe(1);
});
