import type { Clock } from '../../../base/clock.ts';
import { findNumber, findText } from '../../../onvif/soap/xml/xml.ts';
import { type Call, type Operations, SERVICES } from './contract.ts';
import { durationFrom } from './durations.ts';
import { consumerOf, type EventSender } from './event-sender.ts';
import type { Message, PullPoint, PullPoints } from './pull-points.ts';
import { capabilities, SERVICE_CAPABILITIES } from './service-capabilities.ts';
import { tag } from './soap.ts';
import { sourceOf, TOPICS, topicFilter } from './topics.ts';

const LIFE = { usual: 60_000, min: 10_000, max: 3_600_000 };
/** Minimum lifetime of a subscription after the timeout of a pull. */
const AFTER_PULL_MS = 60_000;
const PULL = { usual: 10_000, min: 0, max: 60_000 };
const MAX_MESSAGES = 100;
const CONCRETE_SET = 'http://www.onvif.org/ver10/tev/topicExpression/ConcreteSet';
const CONCRETE = 'http://docs.oasis-open.org/wsn/t-1/TopicExpression/Concrete';
const ITEM_FILTER = 'http://www.onvif.org/ver10/tev/messageContentFilter/ItemFilter';

interface EventDeps {
  readonly clock: Clock;
  readonly points: PullPoints;
  readonly sender: EventSender;
}

/** The event service (ONVIF Core §9): real-time pull points, and notifications sent to the subscriber. */
export function eventOperations({ clock, points, sender }: EventDeps): Operations {
  const pointOf = ({ subscription, camera, user }: Call) => points.find(subscription, camera.path, user);
  const create = ({ camera, body, user = '' }: Call) => {
    const lifeMs = durationFrom(findText(body, 'InitialTerminationTime'), clock.wallMs(), LIFE);
    const passes = topicFilter(findText(body, 'Filter', 'TopicExpression'));
    return points.create({ path: camera.path, user, passes }, lifeMs);
  };
  const reference = (name: 'tev' | 'wsnt', { id }: PullPoint, origin: string) =>
    `<${name}:SubscriptionReference>${tag('wsa:Address', `${origin}${SERVICES.events.path}/${id}`)}</${name}:SubscriptionReference>`;
  const times = (point: PullPoint) => {
    const nowMs = clock.wallMs();
    const endMs = nowMs + Math.max(0, point.endsMs - clock.monoMs());
    return { now: new Date(nowMs).toISOString(), end: new Date(endMs).toISOString() };
  };
  const started = (point: PullPoint) => {
    const { now, end } = times(point);
    return tag('wsnt:CurrentTime', now) + tag('wsnt:TerminationTime', end);
  };
  return {
    'tev:GetServiceCapabilities': { isOpen: true, answer: () => capabilities('tev', SERVICE_CAPABILITIES.events) },
    'tev:GetEventProperties': { answer: () => EVENT_PROPERTIES },
    'tev:CreatePullPointSubscription': {
      answer: (call) => {
        const point = create(call);
        const content = reference('tev', point, call.origin) + started(point);
        return `<tev:CreatePullPointSubscriptionResponse>${content}</tev:CreatePullPointSubscriptionResponse>`;
      },
    },
    'tev:PullMessages': {
      answer: async (call) => {
        const point = pointOf(call);
        const timeoutMs = durationFrom(findText(call.body, 'Timeout'), clock.wallMs(), PULL);
        const limit = Math.min(MAX_MESSAGES, Math.max(1, findNumber(call.body, 'MessageLimit') ?? MAX_MESSAGES));
        points.renew(point, Math.max(point.endsMs - clock.monoMs(), timeoutMs + AFTER_PULL_MS));
        const messages = await points.pull(point, limit, timeoutMs, call.signal);
        const notifications = messages.map(writeNotification).join('');
        const { now, end } = times(point);
        const head = tag('tev:CurrentTime', now) + tag('tev:TerminationTime', end);
        return `<tev:PullMessagesResponse>${head}${notifications}</tev:PullMessagesResponse>`;
      },
    },
    'tev:SetSynchronizationPoint': {
      answer: (call) => {
        points.addState(pointOf(call));
        return '<tev:SetSynchronizationPointResponse/>';
      },
    },
    'wsnt:Renew': {
      answer: (call) => {
        const point = pointOf(call);
        points.renew(point, durationFrom(findText(call.body, 'TerminationTime'), clock.wallMs(), LIFE));
        const { now, end } = times(point);
        return `<wsnt:RenewResponse>${tag('wsnt:TerminationTime', end)}${tag('wsnt:CurrentTime', now)}</wsnt:RenewResponse>`;
      },
    },
    'wsnt:Unsubscribe': {
      answer: (call) => {
        points.remove(pointOf(call));
        return '<wsnt:UnsubscribeResponse/>';
      },
    },
    'wsnt:Subscribe': {
      answer: (call) => {
        const consumer = consumerOf(findText(call.body, 'ConsumerReference', 'Address'), call.ip);
        const point = create(call);
        sender.start(point, consumer, writeNotification);
        return `<wsnt:SubscribeResponse>${reference('wsnt', point, call.origin)}${started(point)}</wsnt:SubscribeResponse>`;
      },
    },
  };
}

function writeNotification({ topic, operation, isOn, timeMs }: Message): string {
  const known = TOPICS.find(({ path }) => path === topic);
  const items = Object.entries(known ? sourceOf(known) : {}).map(([name, value]) => simpleItem(name, value));
  return (
    `<wsnt:NotificationMessage><wsnt:Topic Dialect="${CONCRETE_SET}">tns1:${topic}</wsnt:Topic><wsnt:Message>` +
    `<tt:Message UtcTime="${new Date(timeMs).toISOString()}" PropertyOperation="${operation}">` +
    `<tt:Source>${items.join('')}</tt:Source><tt:Data>${simpleItem(known?.state ?? 'State', String(isOn))}</tt:Data></tt:Message>` +
    '</wsnt:Message></wsnt:NotificationMessage>'
  );
}

const simpleItem = (name: string, value: string): string => `<tt:SimpleItem Name="${name}" Value="${value}"/>`;

/** Topics by the next element of their path: the description of a topic, or the tree of topics below. */
interface TopicTree {
  readonly [name: string]: TopicTree | string;
}

function topicTree(): TopicTree {
  const root: Record<string, Record<string, unknown>> = {};
  for (const topic of TOPICS) {
    const steps = topic.path.split('/');
    const leaf = steps.pop() ?? '';
    let at = root as Record<string, unknown>;
    for (const step of steps) {
      at[step] ??= {};
      at = at[step] as Record<string, unknown>;
    }
    at[leaf] = describeMessage(Object.keys(sourceOf(topic)), topic.state);
  }
  return root as unknown as TopicTree;
}

const describeMessage = (sources: readonly string[], state: string): string =>
  `<tt:MessageDescription IsProperty="true"><tt:Source>${sources.map((name) => itemType(name, name === 'Rule' ? 'xs:string' : 'tt:ReferenceToken')).join('')}` +
  `</tt:Source><tt:Data>${itemType(state, 'xs:boolean')}</tt:Data></tt:MessageDescription>`;

const itemType = (name: string, type: string): string => `<tt:SimpleItemDescription Name="${name}" Type="${type}"/>`;

const writeTopics = (tree: TopicTree, prefix = 'tns1:'): string =>
  Object.entries(tree)
    .map(([name, below]) =>
      typeof below === 'string'
        ? `<${prefix}${name} wstop:topic="true">${below}</${prefix}${name}>`
        : `<${prefix}${name}>${writeTopics(below, '')}</${prefix}${name}>`,
    )
    .join('');

const EVENT_PROPERTIES =
  `<tev:GetEventPropertiesResponse>${tag('tev:TopicNamespaceLocation', 'http://www.onvif.org/onvif/ver10/topics/topicns.xml')}` +
  `${tag('wsnt:FixedTopicSet', true)}<wstop:TopicSet xmlns:xs="http://www.w3.org/2001/XMLSchema">${writeTopics(topicTree())}</wstop:TopicSet>` +
  `${tag('wsnt:TopicExpressionDialect', CONCRETE)}${tag('wsnt:TopicExpressionDialect', CONCRETE_SET)}` +
  `${tag('tev:MessageContentFilterDialect', ITEM_FILTER)}` +
  `${tag('tev:MessageContentSchemaLocation', 'http://www.onvif.org/onvif/ver10/schema/onvif.xsd')}</tev:GetEventPropertiesResponse>`;
