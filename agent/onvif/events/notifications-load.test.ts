import { expect, test } from 'vitest';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { heapBytes } from '../../../test/support/base/heap.ts';
import { MAX_REPLY_BYTES } from '../soap/reply.ts';
import { readXml } from '../soap/xml/xml.ts';
import { Detections } from './detections.ts';
import { readNotifications } from './notifications.ts';

const item = (name: string, value: string): string => `<tt:SimpleItem Name="${name}" Value="${value}"/>`;

const message = (topic: string, source: string, data: string): string =>
  `<wsnt:NotificationMessage><wsnt:Topic>${topic}</wsnt:Topic><wsnt:Message><tt:Message PropertyOperation="Changed">` +
  `<tt:Source>${source}</tt:Source><tt:Data>${data}</tt:Data></tt:Message></wsnt:Message></wsnt:NotificationMessage>`;

const MOTION = 'tns1:RuleEngine/CellMotionDetector/Motion';
const IS_ON = item('IsMotion', 'true');

/** The largest reply that is read. @param one item for each number */
function fullOf(one: (number: number) => string): Uint8Array {
  const head = '<tev:PullMessagesResponse>';
  const tail = '</tev:PullMessagesResponse>';
  const parts: string[] = [];
  let bytes = head.length + tail.length;
  for (let number = 0; ; number += 1) {
    const next = one(number);
    bytes += next.length;
    if (bytes > MAX_REPLY_BYTES) {
      return new TextEncoder().encode(head + parts.join('') + tail);
    }
    parts.push(next);
  }
}

const read = (reply: Uint8Array) => readNotifications(readXml(reply, MAX_REPLY_BYTES));

test('the first 200 notifications of a reply are read', () => {
  const reply = fullOf((number) => message(MOTION, item('Rule', `${number}`), IS_ON));
  const notifications = read(reply);
  expect(notifications).toHaveLength(200);
  expect(notifications[199]?.source).toEqual([{ name: 'Rule', value: '199' }]);
});

test('the first 16 items of a notification are read', () => {
  const items = Array.from({ length: 10_000 }, (_, i) => item(`Item${i}`, 'true')).join('');
  const reply = `<tev:PullMessagesResponse>${message(MOTION, items, IS_ON)}</tev:PullMessagesResponse>`;
  const [notification] = read(new TextEncoder().encode(reply));
  expect(notification?.source).toHaveLength(16);
  expect(notification?.data).toEqual([{ name: 'IsMotion', value: 'true' }]);
});

test('a topic and a value of half a megabyte are cut to the limit of texts', () => {
  const long = 'x'.repeat(MAX_REPLY_BYTES / 2 - 1_000);
  const reply = `<tev:PullMessagesResponse>${message(`tns1:a/${long}`, item('Rule', long), IS_ON)}</tev:PullMessagesResponse>`;
  const [notification] = read(new TextEncoder().encode(reply));
  expect(notification?.topic.join('/').length).toBeLessThanOrEqual(256);
  expect(notification?.source[0]?.value).toHaveLength(256);
});

/** Contacts end when the test ends them. Each has its own channel, otherwise they would be one event. */
function contacts() {
  const clock = new FakeClock();
  const open = new Set<string>();
  const detections = new Detections(clock, (channel, _type, isOn) => (isOn ? open.add(channel) : open.delete(channel)));
  let count = 0;
  const close = (more: number): void => {
    for (const last = count + more; count < last; count += 1) {
      const inputMessage = message(
        'tns1:Device/Trigger/DigitalInput',
        item('InputToken', `${count}`),
        item('State', 'true'),
      );
      const reply = new TextEncoder().encode(`<tev:PullMessagesResponse>${inputMessage}</tev:PullMessagesResponse>`);
      for (const notification of read(reply)) {
        detections.take(notification, `cam${count}`);
      }
    }
  };
  return { clock, open, detections, close };
}

test('of 5,000 simultaneous begins 30 are reported, and each of these ends', () => {
  const { open, detections, close } = contacts();
  close(5_000);
  expect(open.size).toBe(30);
  detections.close();
  expect(open.size).toBe(0);
});

test('of endless events 128 are reported, and each of these ends', async () => {
  const { clock, open, detections, close } = contacts();
  for (let minute = 0; minute < 10; minute += 1) {
    close(30);
    await clock.advance(60_000);
  }
  expect(open.size).toBe(128);
  detections.close();
  expect(open.size).toBe(0);
});

test('states of thirty full replies keep less than a megabyte in memory', () => {
  const clock = new FakeClock();
  const detections = new Detections(clock, () => {});
  const value = 'v'.repeat(5_000);
  const notify = (round: number): void => {
    const reply = fullOf((number) => message(MOTION, item('Rule', `${round} ${number} ${value}`), IS_ON));
    for (const notification of read(reply)) {
      detections.take(notification, 'cam');
    }
  };
  notify(0);
  const before = heapBytes();
  for (let round = 1; round <= 30; round += 1) {
    notify(round);
  }
  expect(heapBytes() - before).toBeLessThan(1 << 20);
  detections.close();
});
