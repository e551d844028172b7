import type { CameraDetection } from './contract.ts';
import { VIDEO_SOURCE, VIDEO_SOURCE_CONFIGURATION } from './profiles.ts';

/** A property topic of ONVIF, or one that is common among recorders and cameras. */
interface Topic {
  /** Topic path below tns1: `RuleEngine/CellMotionDetector/Motion`. */
  readonly path: string;
  /** Event types of Perch that set the state to true. */
  readonly types: readonly string[];
  readonly source: Readonly<Record<string, string>>;
  /** Name of the boolean data item. */
  readonly state: string;
}

const rule = (name: string): Topic['source'] => ({
  VideoSourceConfigurationToken: VIDEO_SOURCE_CONFIGURATION,
  VideoAnalyticsConfigurationToken: 'analytics',
  Rule: name,
});

/** Recorders know motion and tampering by standard topics, and persons, vehicles and the doorbell by Reolink's topics. */
export const TOPICS: readonly Topic[] = [
  {
    path: 'RuleEngine/CellMotionDetector/Motion',
    types: ['motion', 'animal'],
    source: rule('Motion'),
    state: 'IsMotion',
  },
  { path: 'VideoSource/MotionAlarm', types: ['motion', 'animal'], source: { Source: VIDEO_SOURCE }, state: 'State' },
  { path: 'RuleEngine/MyRuleDetector/PeopleDetect', types: ['person'], source: rule('People'), state: 'State' },
  { path: 'RuleEngine/MyRuleDetector/VehicleDetect', types: ['vehicle'], source: rule('Vehicle'), state: 'State' },
  {
    path: 'RuleEngine/MyRuleDetector/Visitor',
    types: ['doorbell', 'visitor'],
    source: rule('Visitor'),
    state: 'State',
  },
  {
    path: 'RuleEngine/TamperDetector/Tamper',
    types: ['tamper', 'tampering'],
    source: rule('Tamper'),
    state: 'IsTamper',
  },
];

export const topicsOf = ({ type }: Pick<CameraDetection, 'type'>): readonly Topic[] =>
  TOPICS.filter(({ types }) => types.includes(type));

const MAX_FILTERS = 32;

/**
 * Whether a topic passes the filter of a subscription: expressions joined by `|`, each a topic or, with `//.`, a subtree
 * (ONVIF Core §9.6.3). Prefixes are not compared.
 */
export function topicFilter(text: string | undefined): (path: string) => boolean {
  if (text === undefined) {
    return () => true;
  }
  const wanted = text
    .split('|', MAX_FILTERS)
    .map((expression) => expression.trim().replace(/[\w.-]+:/g, ''))
    .filter((expression) => expression !== '');
  return (path) =>
    wanted.some((expression) => {
      const tree = expression.replace(/\/\/[.*]?$/, '');
      return tree === expression ? path === expression : path === tree || path.startsWith(`${tree}/`);
    });
}
