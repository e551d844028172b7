import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../../../../test/support/disks/recordings.ts';
import { silentLogger } from '../../../base/log.ts';
import { Announcements } from './announcements.ts';

const DISCOVERY = 'homeassistant/device/perch_1_door/config';
const WANTED = new Map([
  [DISCOVERY, '{}'],
  ['perch/cameras/door/online', 'ON'],
]);

/** A connection whose broker confirms nothing until `confirm`. */
function connect() {
  const sent: string[] = [];
  const waiting: PromiseWithResolvers<void>[] = [];
  return {
    sent,
    send: (topic: string, payload: string | Buffer) => void sent.push(`${topic} ${payload}`),
    deliver: (topic: string, payload: string) => {
      sent.push(`${topic} ${payload}`);
      const one = Promise.withResolvers<void>();
      waiting.push(one);
      return one.promise;
    },
    confirm: () => {
      for (const { resolve } of waiting.splice(0)) {
        resolve();
      }
    },
    lose: () => {
      for (const { reject } of waiting.splice(0)) {
        reject(new Error('lost'));
      }
    },
  };
}

test('a retained topic is kept in the file until the broker has confirmed that it is cleared', async () => {
  using folder = temporaryFolder();
  const file = join(folder.path, 'mqtt.json');
  const stored = () => JSON.parse(readFileSync(file, 'utf8')) as object;
  const first = await Announcements.open(file, 'perch', silentLogger);
  const connection = connect();
  first.announce(WANTED, ['door'], connection);
  expect(connection.sent).toEqual([...WANTED].map(([topic, payload]) => `${topic} ${payload}`));
  first.announce(new Map(), [], connection);
  first.announce(new Map(), [], connection);
  expect(connection.sent.slice(2)).toEqual([...WANTED.keys()].map((topic) => `${topic} `));
  connection.lose();
  await first.close();
  expect(stored()).toMatchObject({ announced: [DISCOVERY], published: { perch: ['door'] } });

  const second = await Announcements.open(file, 'perch', silentLogger);
  expect(second.id).toBe(first.id);
  const again = connect();
  second.announce(new Map(), [], again);
  expect(again.sent).toEqual(expect.arrayContaining([`${DISCOVERY} `, 'perch/cameras/door/motion ']));
  again.confirm();
  await new Promise(setImmediate);
  await second.close();
  expect(stored()).toMatchObject({ announced: [], published: { perch: [] } });
});

test('a camera that comes back while it is cleared stays', async () => {
  using folder = temporaryFolder();
  const file = join(folder.path, 'mqtt.json');
  const announcements = await Announcements.open(file, 'perch', silentLogger);
  const connection = connect();
  announcements.announce(WANTED, ['door'], connection);
  announcements.announce(new Map(), [], connection);
  announcements.announce(WANTED, ['door'], connection);
  connection.confirm();
  await new Promise(setImmediate);
  await announcements.close();
  expect(connection.sent.slice(-2)).toEqual([`${DISCOVERY} {}`, 'perch/cameras/door/online ON']);
  expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({
    announced: [DISCOVERY],
    published: { perch: ['door'] },
  });
});
