import { withoutZone } from '../../../agent/base/network/ip-address.ts';
import { type Call, durationMs, Fault, findDeep, notSupported, numberOf, type Operations, SERVICES } from '../call.ts';
import type { Subscription } from '../event-source.ts';
import type { CameraState } from '../state.ts';

export const SUBSCRIPTION_PATH = '/onvif/subscription';
const LIFE_MS = 60_000;
const MAX_PULL_MS = 60_000;
const AXIS = 'http://www.axis.com/2009/event';

const answer = (operation: string, inner = ''): string =>
  `<tev:${operation}Response xmlns:tev="${SERVICES.events}" xmlns:wsnt="http://docs.oasis-open.org/wsn/b-2"` +
  ` xmlns:wsa="http://www.w3.org/2005/08/addressing" xmlns:tns1="http://www.onvif.org/ver10/topics"` +
  ` xmlns:tnsaxis="http://www.axis.com/2009/event/topics">${inner}</tev:${operation}Response>`;
const wsnt = (operation: string, inner = ''): string =>
  `<wsnt:${operation}Response xmlns:wsnt="http://docs.oasis-open.org/wsn/b-2">${inner}</wsnt:${operation}Response>`;

/** @param pullBase `http://host:port` of the pull points */
export function eventOperations(state: CameraState, pullBase: (call: Call) => string): Operations {
  const { quirks } = state;
  const operations: Operations = {
    GetServiceCapabilities: () =>
      answer('GetServiceCapabilities', '<tev:Capabilities WSPullPointSupport="true" MaxPullPoints="4"/>'),
    GetEventProperties: () => answer('GetEventProperties', '<wsnt:FixedTopicSet>true</wsnt:FixedTopicSet>'),
    CreatePullPointSubscription: (call) => create(state, call, pullBase(call)),
    PullMessages: (call) => pull(state, call),
    Renew: (call) => renew(state, call),
    Unsubscribe: (call) => {
      state.events.end(subscriptionOf(state, call).id);
      return wsnt('Unsubscribe');
    },
    SetSynchronizationPoint: (call) => {
      state.events.initialize(subscriptionOf(state, call));
      return answer('SetSynchronizationPoint');
    },
  };
  if (quirks.events !== 'lies') {
    return operations;
  }
  const fail = () => {
    throw new Fault('ActionNotSupported', 'Action Not Implemented', { isSender: false });
  };
  return Object.fromEntries(Object.keys(operations).map((name) => [name, fail]));
}

function create(state: CameraState, call: Call, base: string): string {
  const { quirks, events } = state;
  if (events.count >= (quirks.subscriptionsAtMost ?? 10)) {
    throw new Fault('MaxPullPointsReached', 'Maximum number of subscriptions reached', { isSender: false });
  }
  const subscription = events.subscribe(lifeMs(state, call.argument('InitialTerminationTime')) ?? LIFE_MS);
  const url = new URL(withoutZone(`${base}${SUBSCRIPTION_PATH}`));
  if (quirks.subscriptionHost !== undefined) {
    url.hostname = quirks.subscriptionHost;
  }
  if (!quirks.wantsReferenceParameters) {
    url.searchParams.set('Idx', subscription.id);
  }
  subscription.address = url.href;
  const parameters = quirks.wantsReferenceParameters
    ? `<wsa:ReferenceParameters><dom0:SubscriptionId xmlns:dom0="${AXIS}">${subscription.id}</dom0:SubscriptionId></wsa:ReferenceParameters>`
    : '';
  return answer(
    'CreatePullPointSubscription',
    `<tev:SubscriptionReference><wsa:Address>${url.href.replaceAll('&', '&amp;')}</wsa:Address>${parameters}` +
      `</tev:SubscriptionReference>${times('wsnt', state, subscription)}`,
  );
}

/** Format of the times of a subscription. */
function times(prefix: string, state: CameraState, { terminationMs }: Subscription): string {
  const end = terminationMs + state.clockOffsetMs;
  return (
    `<${prefix}:CurrentTime>${new Date(state.nowMs()).toISOString()}</${prefix}:CurrentTime>` +
    `<${prefix}:TerminationTime>${new Date(end).toISOString()}</${prefix}:TerminationTime>`
  );
}

/** A relative or an absolute time, as a time from now. */
function lifeMs(state: CameraState, text: string | undefined): number | undefined {
  const relative = durationMs(text);
  const absolute = Date.parse(text ?? '');
  return relative ?? (Number.isNaN(absolute) ? undefined : Math.max(0, absolute - state.nowMs()));
}

function subscriptionOf(state: CameraState, call: Call): Subscription {
  const { quirks, events } = state;
  const header = findDeep(call.root, 'Header');
  const echoed = header && findDeep(header, 'SubscriptionId') ? call.argument('SubscriptionId') : undefined;
  const id = quirks.wantsReferenceParameters
    ? echoed
    : new URL(call.path, withoutZone(call.base)).searchParams.get('Idx');
  const subscription = events.find(id ?? undefined);
  if (!subscription) {
    throw new Fault('ResourceUnknownFault', 'no such subscription');
  }
  if (quirks.wantsExactTo && call.argument('To') !== subscription.address) {
    throw new Fault('InvalidMessageInformationHeader', 'To is not the address of the subscription');
  }
  return subscription;
}

async function pull(state: CameraState, call: Call): Promise<string> {
  const subscription = subscriptionOf(state, call);
  const { clock, quirks } = state;
  const wantedMs = Math.min(durationMs(call.argument('Timeout')) ?? 0, MAX_PULL_MS);
  const timeoutMs = Math.min(wantedMs, quirks.answersPullsAfterMs ?? wantedMs, quirks.cutsPullsAfterMs ?? wantedMs);
  if (subscription.waiting.length === 0 && timeoutMs > 0) {
    const isOver = new AbortController();
    subscription.wake = () => isOver.abort();
    await clock.sleep(timeoutMs, AbortSignal.any([isOver.signal, call.signal]));
    subscription.wake = () => {};
  }
  if (!state.events.find(subscription.id)) {
    throw new Fault('ResourceUnknownFault', 'no such subscription');
  }
  if (subscription.waiting.length === 0 && quirks.cutsPullsAfterMs !== undefined && timeoutMs < wantedMs) {
    throw new Cut();
  }
  if (quirks.forgetsSubscriptions) {
    state.events.end(subscription.id);
  }
  const messages = subscription.waiting.splice(0, numberOf(call.argument('MessageLimit')) ?? 10);
  return answer('PullMessages', times('tev', state, subscription) + messages.join(''));
}

/** Drops the connection instead of an answer. */
export class Cut extends Error {}

function renew(state: CameraState, call: Call): string {
  const subscription = subscriptionOf(state, call);
  const wanted = call.argument('TerminationTime');
  const kind = durationMs(wanted) === undefined ? 'absolute' : 'relative';
  const { refusesRenew } = state.quirks;
  if (refusesRenew === 'always') {
    throw notSupported();
  }
  const life = lifeMs(state, wanted);
  if (refusesRenew === kind || life === undefined) {
    throw new Fault('UnacceptableTerminationTimeFault', `${kind} times are not taken`);
  }
  subscription.terminationMs = state.clock.wallMs() + life;
  return wsnt('Renew', times('wsnt', state, subscription).replace(/(.*)(<wsnt:Term.*)/, '$2$1'));
}
