import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Server } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { FakeClock } from '../../../../test/support/base/fake-clock.ts';
import { mutate } from '../../../../test/support/base/mutate.ts';
import { random } from '../../../../test/support/base/random.ts';
import { systemClock } from '../../../base/clock.ts';
import { explain, PerchError } from '../../../base/errors.ts';
import { parseJpeg } from '../../../media/mjpeg/params.ts';
import { Pictures } from '../../../picture/pictures.ts';
import type { RgbPicture } from './contract.ts';
import { objectsIn, UrlDetector } from './url-detector.ts';

const [WIDTH, HEIGHT] = [200, 100];
const PICTURE: RgbPicture = { width: WIDTH, height: HEIGHT, rgb: new Uint8Array(3 * WIDTH * HEIGHT).fill(90) };
const jpegOf = async (): Promise<Uint8Array> => Uint8Array.of(0xff, 0xd8, 0xff, 0xd9);
const prediction = (label: string, confidence: number, ...[x_min, y_min, x_max, y_max]: number[]) => ({
  ...{ label, confidence, x_min, y_min, x_max, y_max },
});

async function addressOf(server: Server): Promise<URL> {
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  onTestFinished(() => void server.close());
  return new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/vision/detection`);
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) {
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** A detector that asks a server of this test. */
async function detectorOf(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
  clock = systemClock,
  jpeg: ConstructorParameters<typeof UrlDetector>[2] = jpegOf,
) {
  const server = createServer(answer);
  const detector = new UrlDetector(await addressOf(server), clock, jpeg);
  onTestFinished(async () => {
    await detector.close();
    server.closeAllConnections();
  });
  const examine = (eventUs = 1) => detector.examine({ path: 'front', eventUs, picture: async () => PICTURE });
  return { detector, examine };
}

const reasonOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'nothing',
    (error) => `${(error as PerchError).code}: ${explain(error)}`,
  );

test('the picture goes as a JPEG in a form, and predictions come back as objects', async () => {
  let asked: Buffer | undefined;
  let type: string | undefined;
  const pictures = new Pictures();
  onTestFinished(() => pictures.close());
  const given = new Uint8Array(3 * WIDTH * HEIGHT).fill(90);
  const { detector } = await detectorOf(
    async (request, response) => {
      type = request.headers['content-type'];
      asked = await bodyOf(request);
      const predictions = [
        prediction('dog', 0.5, 0, 0, 20, 100),
        prediction('Person', 0.9, 50, 25, 100, 75),
        prediction('chair', 0.9, 50, 25, 100, 75),
        prediction('car', 2, 50, 25, 100, 75),
        { label: 'car' },
        'car',
        null,
      ];
      response.end(JSON.stringify({ success: true, predictions, inferenceMs: 5 }));
    },
    systemClock,
    (picture) => pictures.encode(picture),
  );
  const picture = async () => ({ width: WIDTH, height: HEIGHT, rgb: given });
  const { objects, ms } = await detector.examine({ path: 'front', eventUs: 1, picture });
  // Made in the thread of pictures, which has got its memory.
  expect(given.length).toBe(0);
  expect(objects).toEqual([
    { type: 'person', score: 0.9, box: { x: 0.25, y: 0.25, width: 0.25, height: 0.5 } },
    { type: 'animal', score: 0.5, box: { x: 0, y: 0, width: 0.1, height: 1 } },
  ]);
  expect(ms).toBeGreaterThan(0);
  const form = await new Response(new Uint8Array(asked ?? []), { headers: { 'Content-Type': type ?? '' } }).formData();
  const image = form.get('image') as File;
  expect([image.name, image.type, form.get('min_confidence')]).toEqual(['image.jpg', 'image/jpeg', '0.25']);
  expect(parseJpeg(new Uint8Array(await image.arrayBuffer()))).toMatchObject({ width: WIDTH, height: HEIGHT });
});

test.for<[string, (response: ServerResponse) => void, string]>([
  ['an error', (response) => response.writeHead(500).end('x'), 'it answers with status 500'],
  [
    'a redirect, which is not followed',
    (response) => response.writeHead(302, { Location: 'http://127.0.0.1:1/' }).end(),
    'it answers with status 302, and redirects are not followed',
  ],
  ['no JSON', (response) => response.end('<html>'), 'its answer is no JSON'],
  ['another JSON', (response) => response.end('[]'), 'its answer is not that of DeepStack'],
  ['a null', (response) => response.end('null'), 'its answer is not that of DeepStack'],
  ['a failure', (response) => response.end('{"success": false, "error": "no model"}'), 'it reports: no model'],
  [
    'too much',
    (response) => {
      response.on('error', () => {});
      response.end('x'.repeat(3 << 20));
    },
    'its answer has more than 1048576 bytes',
  ],
  ['nothing', (response) => response.destroy(), 'does not answer'],
  [
    'half an answer',
    (response) => {
      response.writeHead(200, { 'Content-Length': '1000' });
      response.write('{"success"', () => response.destroy());
    },
    'does not answer',
  ],
])('a server that answers with %s is unavailable', async ([, answer, reason]) => {
  const { examine, detector } = await detectorOf(async (request, response) => {
    await bodyOf(request);
    answer(response);
  });
  expect(await reasonOf(examine())).toMatch(
    new RegExp(`^unavailable: the object detector 127\\.0\\.0\\.1:\\d+:? ${reason}`),
  );
  // The next picture is tried again.
  expect(await reasonOf(examine())).toContain(reason);
  expect(detector.memoryBytes).toBeUndefined();
});

test('a server that talks no HTTP, and none at all, are unavailable', async () => {
  const server = createTcpServer((socket) => {
    socket.on('error', () => {});
    socket.end('SSH-2.0-OpenSSH_9.2\r\n');
  });
  const url = await addressOf(server);
  const examine = (detector: UrlDetector) =>
    reasonOf(detector.examine({ path: 'front', eventUs: 1, picture: async () => PICTURE }));
  expect(await examine(new UrlDetector(url, systemClock, jpegOf))).toContain('does not answer');
  server.close();
  expect(await examine(new UrlDetector(new URL('http://127.0.0.1:1/'), systemClock, jpegOf))).toContain('ECONNREFUSED');
});

test.for(['never', 'drop by drop'] as const)('a server that answers %s is given up after 3 s', async (pace) => {
  const clock = new FakeClock();
  const asked = Promise.withResolvers<void>();
  const { examine } = await detectorOf(async (request, response) => {
    await bodyOf(request);
    if (pace === 'drop by drop') {
      response.write('{');
      const timer = setInterval(() => response.write(' '), 5);
      response.on('close', () => clearInterval(timer));
    }
    asked.resolve();
  }, clock);
  const reason = reasonOf(examine());
  await asked.promise;
  await clock.advance(2_999);
  await clock.advance(1);
  expect(await reason).toMatch(/^timeout: the object detector .*: no answer within 3 s$/);
});

test('four pictures wait for a server, further ones are rejected, and closing ends all', async () => {
  const { examine, detector } = await detectorOf(() => {});
  const reasons = [1, 2, 3, 4, 5, 6].map((eventUs) => reasonOf(examine(eventUs)));
  expect(await reasons[1]).toMatch(/^exhausted: the picture is not examined: 4 newer pictures/);
  await detector.close();
  expect(await Promise.all([0, 2, 3, 4, 5].map((i) => reasons[i]))).toEqual([
    expect.stringMatching(/^unavailable: .*Perch ends$/),
    ...Array(4).fill('unavailable: Perch ends'),
  ]);
});

test('a picture that is no JPEG in time is not a fault of the server', async () => {
  const late = new PerchError('timeout', 'the picture was not decoded within 20 s');
  const { examine } = await detectorOf(
    () => {},
    systemClock,
    () => Promise.reject(late),
  );
  expect(await reasonOf(examine())).toBe('timeout: the picture was not decoded within 20 s');
});

test('a login of the address is not in the message', async () => {
  const detector = new UrlDetector(new URL('http://me:secret@127.0.0.1:1/'), systemClock, jpegOf);
  const reason = await reasonOf(detector.examine({ path: 'front', eventUs: 1, picture: async () => PICTURE }));
  expect(reason).toContain('127.0.0.1:1');
  expect(reason).not.toContain('secret');
});

test('any answer gives objects within the picture, or is unavailable', () => {
  const next = random(5);
  const good = Buffer.from(
    JSON.stringify({
      success: true,
      predictions: [
        prediction('person', 0.9, -50, 25, 1e9, 75),
        prediction('cat', 1, 0, 0, 1e308, 1e308),
        prediction('bus', 0.1, 30, 20, 10, 5),
      ],
    }),
  );
  let found = 0;
  for (let i = 0; i < 3_000; i += 1) {
    try {
      for (const { score, box } of objectsIn(Buffer.from(mutate(good, next)).toString(), PICTURE)) {
        const { x, y, width, height } = box;
        expect(
          score >= 0 && score <= 1 && x >= 0 && y >= 0 && width > 0 && height > 0 && x + width <= 1 && y + height <= 1,
        ).toBe(true);
        found += 1;
      }
    } catch (error) {
      expect(error).toBeInstanceOf(PerchError);
    }
  }
  expect(found).toBeGreaterThan(300);
});
