import { EVENT_KINDS, type EventKind, eventKinds, type OnvifTopic } from '../../../base/event-kinds.ts';
import type { CameraDetection } from './contract.ts';
import { VIDEO_SOURCE, VIDEO_SOURCE_CONFIGURATION } from './profiles.ts';

/** Several kinds of events may share a topic. */
export const TOPICS: readonly OnvifTopic[] = [...new Set(eventKinds.flatMap(([, { onvif = [] }]) => onvif))];

export const sourceOf = ({ rule }: OnvifTopic): Readonly<Record<string, string>> =>
  rule === undefined
    ? { Source: VIDEO_SOURCE }
    : {
        VideoSourceConfigurationToken: VIDEO_SOURCE_CONFIGURATION,
        VideoAnalyticsConfigurationToken: 'analytics',
        Rule: rule,
      };

/** Those that it switches. */
export function topicsOf({ kinds, formerKinds = [] }: CameraDetection): readonly OnvifTopic[] {
  const former = topicsOfKinds(formerKinds);
  return topicsOfKinds(kinds).filter((topic) => !former.includes(topic));
}

const topicsOfKinds = (kinds: readonly EventKind[]): readonly OnvifTopic[] => [
  ...new Set(kinds.flatMap((kind) => EVENT_KINDS[kind].onvif ?? [])),
];

/**
 * Whether a topic passes the filter of a subscription: expressions joined by `|`, each a topic or, with `//.`, a subtree
 * (ONVIF Core §9.6.3). Prefixes are not compared.
 */
export function topicFilter(text: string | undefined): (path: string) => boolean {
  if (text === undefined) {
    return () => true;
  }
  const wanted = text
    .split('|', 32)
    .map((expression) => expression.trim().replace(/[\w.-]+:/g, ''))
    .filter((expression) => expression !== '');
  return (path) =>
    wanted.some((expression) => {
      const tree = expression.replace(/\/\/[.*]?$/, '');
      return tree === expression ? path === expression : path === tree || path.startsWith(`${tree}/`);
    });
}
