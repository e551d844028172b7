import { expect, test } from 'vitest';
import { DIALECTS, type Topic } from '../../../test/onvif-camera/event-dialects.ts';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { mutate } from '../../../test/support/base/mutate.ts';
import { random } from '../../../test/support/base/random.ts';
import { PerchError } from '../../base/errors.ts';
import type { OnvifSession } from '../device/onvif-session.ts';
import { readReply, responseOf } from '../soap/reply.ts';
import { Detections } from './detections.ts';
import { readNotifications } from './notifications.ts';
import { PullPoint } from './pull-point.ts';

const ROUNDS = process.env['PERCH_LENGTH'] === 'long' ? 50_000 : 1_500;
const TOPICS = Object.values(DIALECTS).flatMap((dialect) => Object.values(dialect).flat()) as readonly Topic[];

const message = ([topic, item]: Topic, operation: string, value: string) =>
  '<wsnt:NotificationMessage xmlns:wsnt="http://docs.oasis-open.org/wsn/b-2" xmlns:tt="http://www.onvif.org/ver10/schema">' +
  `<wsnt:Topic>${topic}</wsnt:Topic><wsnt:Message><tt:Message PropertyOperation="${operation}"><tt:Source>` +
  '<tt:SimpleItem Name="VideoSourceConfigurationToken" Value="video"/></tt:Source>' +
  `<tt:Data><tt:SimpleItem Name="${item}" Value="${value}"/></tt:Data></tt:Message></wsnt:Message></wsnt:NotificationMessage>`;

const envelope = (response: string, inner: string) =>
  '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Body>' +
  `<tev:${response} xmlns:tev="http://www.onvif.org/ver10/events/wsdl">${inner}</tev:${response}></s:Body></s:Envelope>`;

const read = (body: Uint8Array, response: string) => {
  const reply = readReply({ status: 200, headers: {}, body: Buffer.from(body), isTrusted: undefined });
  return responseOf(reply, { camera: 'c', path: '/', response }, true);
};

test('any reply of a pull point is read or throws PerchError, and each begin has an end', () => {
  const next = random(8);
  const notified = new Map<string, number>();
  const clock = new FakeClock();
  const detections = new Detections(clock, (_channel, type, isOn) => {
    const count = (notified.get(type) ?? 0) + (isOn === undefined ? 0 : isOn ? 1 : -1);
    expect([0, 1]).toContain(count);
    notified.set(type, count);
  });
  let taken = 0;
  for (let i = 0; i < ROUNDS; i += 1) {
    clock.skip(1_000);
    const messages = Array.from({ length: 4 }, () => {
      const topic = TOPICS[Math.floor(next() * TOPICS.length)] as Topic;
      const operation = ['Initialized', 'Changed', 'Deleted'][Math.floor(next() * 3)] ?? '';
      return message(topic, operation, next() < 0.5 ? 'true' : '0');
    });
    const bytes = Buffer.from(envelope('PullMessagesResponse', messages.join('')));
    try {
      for (const notification of readNotifications(
        read(next() < 0.7 ? mutate(bytes, next) : bytes, 'PullMessagesResponse'),
      )) {
        detections.take(notification, 'cam');
        taken += 1;
      }
    } catch (error) {
      expect(error).toBeInstanceOf(PerchError);
    }
  }
  expect(taken).toBeGreaterThan(ROUNDS);
  detections.close();
  expect([...notified.values()].filter((count) => count !== 0)).toEqual([]);
});

test('any subscription of a camera is accepted or throws PerchError, and is bounded', async () => {
  const next = random(9);
  const reference =
    '<tev:SubscriptionReference xmlns:wsa="http://www.w3.org/2005/08/addressing"><wsa:Address>http://10.0.0.9:1024/sub?a=1&amp;b=2</wsa:Address>' +
    '<wsa:ReferenceParameters><d:SubscriptionId xmlns:d="http://www.axis.com/2009/event" d:kind="x">7<d:Deep a="&lt;"/></d:SubscriptionId>' +
    '</wsa:ReferenceParameters></tev:SubscriptionReference>';
  const bytes = Buffer.from(envelope('CreatePullPointSubscriptionResponse', reference));
  let taken = 0;
  for (let i = 0; i < ROUNDS; i += 1) {
    const session = {
      call: async (_service: string, _body: string, response: string) => read(mutate(bytes, next), response),
    } as unknown as OnvifSession;
    try {
      const point = await PullPoint.create(session, new FakeClock());
      expect(URL.canParse(point.reference.address)).toBe(true);
      // It is well-formed XML.
      const echoed = Buffer.from(`<a>${point.reference.headers}</a>`);
      expect(readReply({ status: 200, headers: {}, body: echoed, isTrusted: undefined }).problem).toMatchObject({
        message: "'a' is not a SOAP envelope",
      });
      taken += 1;
    } catch (error) {
      expect(error).toBeInstanceOf(PerchError);
    }
  }
  expect(taken).toBeGreaterThan(ROUNDS / 20);
});
