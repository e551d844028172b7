import { connect } from 'node:net';
import { expect, test, vi } from 'vitest';
import {
  ask,
  openOnvifDevice,
  post,
  soapRequest,
  token,
} from '../../../../test/features/onvif-device/support/onvif-device-harness.ts';
import { FakeClock } from '../../../../test/support/base/fake-clock.ts';
import { mutate } from '../../../../test/support/base/mutate.ts';
import { random } from '../../../../test/support/base/random.ts';
import { openHttpSink } from '../../../../test/support/servers/http-sink.ts';
import { PerchError } from '../../../base/errors.ts';
import { findText, readXml } from '../../../onvif/soap/xml/xml.ts';
import { consumerOf } from './event-sender.ts';

const MOTION = 'tns1:RuleEngine/CellMotionDetector/Motion';
const subscribe = (address: string) =>
  '<wsnt:Subscribe><wsnt:ConsumerReference><wsa:Address xmlns:wsa="http://www.w3.org/2005/08/addressing">' +
  `${address}</wsa:Address></wsnt:ConsumerReference><wsnt:Filter><wsnt:TopicExpression>${MOTION}</wsnt:TopicExpression></wsnt:Filter>` +
  '<wsnt:InitialTerminationTime>PT3600S</wsnt:InitialTerminationTime></wsnt:Subscribe>';
const until = (check: () => void | Promise<void>) => vi.waitFor(check, { timeout: 10_000, interval: 10 });
/** Operation and state of each message. */
const statesOf = (body: Buffer): string[] =>
  [...body.toString().matchAll(/PropertyOperation="(\w+)".*?Name="IsMotion" Value="(\w+)"/g)].map(
    ([, operation, state]) => `${operation} ${state}`,
  );

test('a subscriber gets the present state, then each change, until it unsubscribes', async () => {
  await using sink = await openHttpSink();
  const { source, server, urlOf } = await openOnvifDevice();
  const { status, text } = await ask(urlOf('event_service'), subscribe(`${sink.url}/hook?id=1&amp;b=2`));
  expect([status, text]).toEqual([200, expect.stringContaining('bw-2/NotificationProducer/SubscribeResponse')]);
  await until(() => expect(sink.requests).toHaveLength(1));
  const [first] = sink.requests;
  expect([first?.method, first?.target, first?.headers['content-type']]).toEqual([
    'POST',
    '/hook?id=1&b=2',
    'application/soap+xml; charset=utf-8; action="http://docs.oasis-open.org/wsn/bw-2/NotificationConsumer/Notify"',
  ]);
  expect(statesOf(first?.body ?? Buffer.alloc(0))).toEqual(['Initialized false']);
  source.tell('motion', true);
  await until(() => expect(sink.requests).toHaveLength(2));
  expect(statesOf(sink.requests[1]?.body ?? Buffer.alloc(0))).toEqual(['Changed true']);
  const address =
    findText(readXml(Buffer.from(text), 10_000), 'Body', 'SubscribeResponse', 'SubscriptionReference', 'Address') ?? '';
  expect(
    (await ask(address, '<wsnt:Renew><wsnt:TerminationTime>PT60S</wsnt:TerminationTime></wsnt:Renew>')).status,
  ).toBe(200);
  expect((await ask(address, '<wsnt:Unsubscribe/>')).status).toBe(200);
  expect(server.subscriptions).toBe(0);
  source.tell('motion', false);
  const other = await ask(urlOf('event_service'), subscribe(`${sink.url}/other`));
  expect(other.status).toBe(200);
  await until(() => expect(sink.requests).toHaveLength(3));
  expect(sink.requests[2]?.target).toBe('/other');
});

test('a recorder that does not take them is tried again every 5 s, and loses its subscription after half a minute', async () => {
  let status = 503;
  await using sink = await openHttpSink(() => ({ status, headers: { Location: 'http://127.0.0.1:1/' } }));
  const clock = new FakeClock();
  const { source, server, urlOf } = await openOnvifDevice({ clock });
  const add = () => post(urlOf('event_service'), soapRequest(subscribe(sink.url), token({ atMs: clock.wallMs() })));
  await add();
  await until(() => expect(sink.requests).toHaveLength(1));
  status = 200;
  source.tell('motion', true);
  await until(async () => {
    await clock.advance(5_000);
    expect(sink.requests).toHaveLength(3);
  });
  expect(sink.requests.map(({ body }) => statesOf(body)[0])).toEqual([
    'Initialized false',
    'Initialized false',
    'Changed true',
  ]);
  status = 302;
  source.tell('motion', false);
  await until(async () => {
    await clock.advance(5_000);
    expect(server.subscriptions).toBe(0);
  });
  expect(sink.requests).toHaveLength(9);
});

test('a login that is revoked gets nothing more', async () => {
  await using sink = await openHttpSink();
  const paths = ['door'];
  const { source, server, urlOf } = await openOnvifDevice({ paths });
  await ask(urlOf('event_service'), subscribe(sink.url));
  await until(() => expect(sink.requests).toHaveLength(1));
  paths.length = 0;
  source.tell('motion', true);
  await until(() => expect(server.subscriptions).toBe(0));
  expect(sink.requests).toHaveLength(1);
});

test.for([
  ['another machine', 'http://192.0.2.1/', {}],
  ['a name', 'http://localhost/', {}],
  ['https', 'https://127.0.0.1/', {}],
  ['a login', 'http://a:b@127.0.0.1/', {}],
  ['an unknown subscriber behind a proxy', 'http://127.0.0.1:9/', { 'X-Forwarded-For': '127.0.0.1' }],
  ['the address of a proxy that names only its port', 'http://127.0.0.1:9/', { 'X-Forwarded-Port': '80' }],
] as const)('events are not sent to %s', async ([, address, headers]) => {
  const { server, urlOf } = await openOnvifDevice();
  const { status, text } = await post(urlOf('event_service'), soapRequest(subscribe(address), token()), headers);
  expect([status, text]).toEqual([400, expect.stringContaining('use a pull point')]);
  expect(server.subscriptions).toBe(0);
});

test.for([
  ['HTTP/1.0', '127.0.0.1', '400', 0],
  ['HTTP/1.1', '192.0.2.1:8600', '400', 0],
  ['HTTP/1.1', '127.0.0.1', '200', 1],
] as const)(
  'a subscriber at loopback that speaks %s to %s without headers of a proxy gets %s',
  async ([version, host, status, count]) => {
    const { server, portOf } = await openOnvifDevice();
    const body = soapRequest(subscribe('http://127.0.0.1:9/'), token());
    const asked = connect(portOf(), '127.0.0.1');
    asked.write(
      `POST /onvif/event_service ${version}\r\nHost: ${host}\r\nConnection: close\r\n` +
        'Content-Type: application/soap+xml\r\n' +
        `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    );
    const answer = Buffer.concat(await asked.toArray()).toString();
    expect(answer.split(' ')[1]).toBe(status);
    expect(server.subscriptions).toBe(count);
  },
);

test('no text makes another host the consumer', () => {
  const next = random(31);
  let accepted = 0;
  for (let i = 0; i < 5_000; i += 1) {
    const text = Buffer.from(mutate(Buffer.from('http://127.0.0.1:8123/api/webhook/a1b2'), next)).toString('latin1');
    try {
      const { hostname, protocol } = consumerOf(text, '127.0.0.1');
      expect([hostname, protocol]).toEqual(['127.0.0.1', 'http:']);
      accepted += 1;
    } catch (error) {
      expect(error).toBeInstanceOf(PerchError);
    }
  }
  expect(accepted).toBeGreaterThan(500);
});
