import Type from 'typebox';
import { parseAddress } from '../../../agent/config/values/address.ts';
import type { SessionKind } from '../../../agent/protocols/contract.ts';
import { numbers, ORIGIN, SUBJECT } from '../../../agent/protocols/session-schema.ts';
import { toySettings } from './keys.ts';

export const TOY_CONNECTION: SessionKind = {
  apiType: 'toyConn',
  protocol: 'toy',
  collection: 'toyconns',
  noun: 'connection',
  labels: { one: 'toy connection', all: 'Toy connections' },
  itemSchema: Type.Object({ ...ORIGIN, ...numbers(['inboundBytes', 'outboundBytes']) }),
  metrics: {
    name: 'toy_conns',
    title: 'Toy connections',
    what: 'Connections',
    labels: ['id'],
    rows: [
      ['inbound_bytes', 'inboundBytes', 'Bytes received.'],
      ['outbound_bytes', 'outboundBytes', 'Bytes sent.'],
    ],
  },
};

export const TOY_SESSION: SessionKind = {
  apiType: 'toySession',
  protocol: 'toy',
  collection: 'toysessions',
  noun: 'session',
  labels: { one: 'toy session', all: 'Toy sessions' },
  itemSchema: Type.Object({
    ...ORIGIN,
    state: Type.Enum(['read', 'publish']),
    ...SUBJECT,
    ...numbers(['inboundBytes', 'outboundBytes']),
  }),
  metrics: {
    name: 'toy_sessions',
    title: 'Toy sessions',
    what: 'Sessions',
    labels: ['id', 'path', 'remoteAddr', 'state'],
    rows: [
      ['inbound_bytes', 'inboundBytes', 'Bytes received.'],
      ['outbound_bytes', 'outboundBytes', 'Bytes sent.'],
    ],
  },
  zlm: {
    typeid: 'ToySession',
    schema: 'toy',
    listedSchema: (config) => (toySettings(config).toy ? 'toy' : undefined),
    flowSchema: 'toy',
    origin: [99, 'toy_push'],
    localPort: (config) => parseAddress(toySettings(config).toyAddress)?.port ?? 0,
  },
};
