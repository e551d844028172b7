import { expect, test } from 'vitest';
import { random } from '../../../test/support/base/random.ts';
import type { Notification } from './notifications.ts';
import { RelayStates } from './relay-states.ts';

const relay = (value: string, more: Partial<Notification> = {}): Notification => ({
  topic: ['Device', 'Trigger', 'Relay'],
  operation: 'changed',
  source: [{ name: 'RelayToken', value: 'bell' }],
  data: [{ name: 'LogicalState', value }],
  ...more,
});

function statesAfter(...notifications: Notification[]) {
  const states = new RelayStates();
  for (const notification of notifications) {
    states.take(notification);
  }
  return states;
}

test.for([
  ['active', true],
  ['inactive', false],
  ['Active', true],
  ['true', true],
  ['0', false],
] as const)('a relay reported as %s is on: %s', ([value, isOn]) => {
  expect(statesAfter(relay(value)).get('bell')).toBe(isOn);
});

test.for<[string, Notification]>([
  ['the first state of a subscription', relay('active', { operation: 'initialized' })],
  ['RelayOutputToken', relay('active', { source: [{ name: 'RelayOutputToken', value: 'bell' }] })],
  ['its own name for the token', relay('active', { source: [{ name: 'Token', value: 'bell' }] })],
  [
    'a device and a token',
    relay('active', {
      source: [
        { name: 'Device', value: '1' },
        { name: 'RelayToken', value: 'bell' },
      ],
    }),
  ],
  ['its own words before', relay('active', { topic: ['tnsx', 'Device', 'Trigger', 'Relay'] })],
  ['RelayOutput', relay('active', { topic: ['Device', 'Trigger', 'RelayOutput'] })],
  ['State', relay('x', { data: [{ name: 'State', value: 'active' }] })],
])('a camera may write %s', ([, notification]) => {
  expect(statesAfter(notification).get('bell')).toBe(true);
});

test.for<[string, Notification]>([
  ['of a contact', relay('active', { topic: ['Device', 'Trigger', 'DigitalInput'] })],
  ['without a state', relay('unknown')],
  ['without a token', relay('active', { source: [] })],
  [
    'of two tokens without a name',
    relay('active', {
      source: [
        { name: 'A', value: 'bell' },
        { name: 'B', value: 'bell' },
      ],
    }),
  ],
])('a message %s says nothing of a relay', ([, notification]) => {
  expect(statesAfter(notification).get('bell')).toBeUndefined();
});

test('each relay has its state; one that is deleted has none', () => {
  const other = { source: [{ name: 'RelayToken', value: 'gate' }] };
  const states = statesAfter(relay('active'), relay('inactive', other));
  expect([states.get('bell'), states.get('gate')]).toEqual([true, false]);
  states.take(relay('active', { operation: 'deleted' }));
  expect([states.get('bell'), states.get('gate')]).toEqual([undefined, false]);
});

test('what a new subscription does not report again is not known, once it has reported anything', () => {
  const states = statesAfter(relay('active'));
  states.renewed();
  expect(states.get('bell')).toBe(true);
  states.take(relay('active', { operation: 'initialized' }));
  states.heard();
  expect(states.get('bell')).toBe(true);
  states.renewed();
  states.heard();
  expect(states.get('bell')).toBeUndefined();
  states.take(relay('active'));
  states.heard();
  expect(states.get('bell')).toBe(true);
  states.forget();
  expect(states.get('bell')).toBeUndefined();
});

test('a camera that makes tokens up fills no memory', () => {
  const states = new RelayStates();
  const draw = random(7);
  const tokens = Array.from({ length: 10_000 }, () => `${draw()}`);
  for (const value of tokens) {
    states.take(relay('active', { source: [{ name: 'RelayToken', value }] }));
  }
  expect(tokens.filter((token) => states.get(token) !== undefined).length).toBeLessThanOrEqual(32);
});
