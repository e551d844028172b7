import { expect, test } from 'vitest';
import type { Notification } from './notifications.ts';
import { type DetectionType, detectionsOf } from './topics.ts';

const said = (topic: string, items: Record<string, string>, operation: Notification['operation'] = 'changed') =>
  detectionsOf({
    topic: topic.split('/'),
    operation,
    source: [],
    data: Object.entries(items).map(([name, value]) => ({ name, value })),
  });

test.for([
  ['Hikvision, Hanwha, Bosch', 'VideoSource/MotionAlarm', 'State', 'motion'],
  ['old D-Link, which cannot spell', 'VideoSoure/MotionAlarm', 'State', 'motion'],
  ['Dahua, Reolink, Tapo', 'RuleEngine/CellMotionDetector/Motion', 'IsMotion', 'motion'],
  ['Axis motion regions', 'RuleEngine/MotionRegionDetector/Motion', 'State', 'motion'],
  ['Axis VMD', 'CameraApplicationPlatform/VMD/Camera1Profile1', 'active', 'motion'],
  ['Reolink people', 'RuleEngine/MyRuleDetector/PeopleDetect', 'State', 'person'],
  ['Reolink faces', 'RuleEngine/MyRuleDetector/FaceDetect', 'State', 'person'],
  ['Reolink vehicles', 'RuleEngine/MyRuleDetector/VehicleDetect', 'State', 'vehicle'],
  ['Reolink dogs and cats', 'RuleEngine/MyRuleDetector/DogCatDetect', 'State', 'motion'],
  ['Reolink doorbells', 'RuleEngine/MyRuleDetector/Visitor', 'State', 'doorbell'],
  ['other doorbells', 'Device/Trigger/DoorBellPressed', 'State', 'doorbell'],
  ['Tapo people', 'RuleEngine/PeopleDetector/People', 'IsPeople', 'person'],
  ['Tapo smart events: a vehicle', 'RuleEngine/TPSmartEventDetector/TPSmartEvent', 'IsVehicle', 'vehicle'],
  ['Tapo smart events: a person', 'RuleEngine/TPSmartEventDetector/TPSmartEvent', 'IsPeople', 'person'],
  ['Tapo smart events: a pet', 'RuleEngine/TPSmartEventDetector/TPSmartEvent', 'IsPet', 'motion'],
  ['Hikvision fields', 'RuleEngine/FieldDetector/ObjectsInside', 'IsInside', 'person'],
  ['tampering', 'RuleEngine/TamperDetector/Tamper', 'IsTamper', 'tamper'],
  ['another scene', 'VideoSource/GlobalSceneChange/ImagingService', 'State', 'tamper'],
  ['contacts', 'Device/Trigger/DigitalInput', 'LogicalState', 'input'],
] as const)('%s', ([, topic, item, type]) => {
  for (const [value, isOn] of [
    ['true', true],
    ['1', true],
    ['false', false],
    ['0', false],
  ] as const) {
    expect(said(topic, { [item]: value })).toEqual([{ type, isOn }]);
  }
  // Makers change the names of items with their firmware.
  expect(said(topic, { [item]: 'true' }, 'deleted')).toEqual([{ type, isOn: false }]);
});

test('one true item is enough, with any name', () => {
  const items = { Window: '3', Rule: 'false', SomethingNew: 'True' };
  expect(said('RuleEngine/CellMotionDetector/Motion', items)).toEqual([{ type: 'motion', isOn: true }]);
});

test('crossing a line is a momentary event: the number of an object is not a state', () => {
  expect(said('RuleEngine/LineDetector/Crossed', { ObjectId: '1' })).toEqual([{ type: 'person', isOn: undefined }]);
});

test.for<[string, string, readonly (readonly [DetectionType, boolean])[]]>([
  [
    'Human',
    'a person',
    [
      ['person', true],
      ['vehicle', false],
    ],
  ],
  [
    'Human Vehicle',
    'both',
    [
      ['person', true],
      ['vehicle', true],
    ],
  ],
  [
    '',
    'nothing any more',
    [
      ['person', false],
      ['vehicle', false],
    ],
  ],
])('the object classes "%s" are read as %s', ([classes, , expected]) => {
  const sightings = said('RuleEngine/ObjectDetection/Object', { ClassTypes: classes });
  expect(sightings.map(({ type, isOn }) => [type, isOn])).toEqual(expected);
});

test('the object type of a rule takes precedence', () => {
  const items = { IsInside: 'true', ObjectType: 'Vehicle' };
  expect(said('RuleEngine/FieldDetector/ObjectsInside', items)).toEqual([{ type: 'vehicle', isOn: true }]);
});

test.for([
  'Monitoring/ProcessorUsage',
  'Device/HardwareFailure/FanFailure',
  'RecordingConfig/JobState',
  'Motionless/X',
])('%s is ignored', (topic) => {
  expect(said(topic, { State: 'true' })).toEqual([]);
});
