import { expect, test } from 'vitest';
import type { EventKind } from '../../base/event-kinds.ts';
import type { Notification } from './notifications.ts';
import { detectionsOf } from './topics.ts';

const said = (topic: string, items: Record<string, string>, operation: Notification['operation'] = 'changed') =>
  detectionsOf({
    topic: topic.split('/'),
    operation,
    source: [],
    data: Object.entries(items).map(([name, value]) => ({ name, value })),
  }).detections;

test.for([
  ['Hikvision, Hanwha, Bosch', 'VideoSource/MotionAlarm', 'State', 'motion'],
  ['old D-Link, which cannot spell', 'VideoSoure/MotionAlarm', 'State', 'motion'],
  ['Dahua, Reolink, Tapo', 'RuleEngine/CellMotionDetector/Motion', 'IsMotion', 'motion'],
  ['Axis motion regions', 'RuleEngine/MotionRegionDetector/Motion', 'State', 'motion'],
  ['Axis VMD', 'CameraApplicationPlatform/VMD/Camera1Profile1', 'active', 'motion'],
  ['Reolink people', 'RuleEngine/MyRuleDetector/PeopleDetect', 'State', 'person'],
  ['Reolink faces', 'RuleEngine/MyRuleDetector/FaceDetect', 'State', 'person'],
  ['Reolink vehicles', 'RuleEngine/MyRuleDetector/VehicleDetect', 'State', 'vehicle'],
  ['Reolink dogs and cats', 'RuleEngine/MyRuleDetector/DogCatDetect', 'State', 'animal'],
  ['Reolink doorbells', 'RuleEngine/MyRuleDetector/Visitor', 'State', 'doorbell'],
  ['other doorbells', 'Device/Trigger/DoorBellPressed', 'State', 'doorbell'],
  ['Tapo people', 'RuleEngine/PeopleDetector/People', 'IsPeople', 'person'],
  ['Tapo smart events: a vehicle', 'RuleEngine/TPSmartEventDetector/TPSmartEvent', 'IsVehicle', 'vehicle'],
  ['Tapo smart events: a person', 'RuleEngine/TPSmartEventDetector/TPSmartEvent', 'IsPeople', 'person'],
  ['Tapo smart events: a pet', 'RuleEngine/TPSmartEventDetector/TPSmartEvent', 'IsPet', 'animal'],
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

test.for<[string, readonly EventKind[]]>([
  ['Human', ['person']],
  ['Human Vehicle', ['person', 'vehicle']],
  ['', []],
])('the object classes "%s" are those in view, and end the others', ([classes, expected]) => {
  const sightings = said('RuleEngine/ObjectDetection/Object', { ClassTypes: classes });
  expect(sightings.filter(({ isOn }) => isOn).map(({ type }) => type)).toEqual(expected);
  expect(sightings).toContainEqual({ type: 'vehicle', isOn: expected.includes('vehicle') });
});

test('the object type of a rule takes precedence', () => {
  const items = { IsInside: 'true', ObjectType: 'Vehicle' };
  expect(said('RuleEngine/FieldDetector/ObjectsInside', items)).toEqual([{ type: 'vehicle', isOn: true }]);
});

// home-assistant/core#175055, #127991, #142708, #109198, #83510, #132521; the others are in the lists of makers.
test.for([
  ['UserAlarm/IVA/HumanShapeDetect', 'State', 'person'],
  ['RuleEngine/LineCrossDetector/LineCross', 'IsLineCross', 'person'],
  ['RuleEngine/CellMotionDetector/Intrusion', 'IsIntrusion', 'person'],
  ['RuleEngine/RegionEntrance/Entering', 'State', 'person'],
  ['RuleEngine/LoiteringDetector/ObjectIsLoitering', 'State', 'person'],
  ['RuleEngine/smartdetector/humanshape', 'state', 'person'],
  ['RuleEngine/TPSmartEventDetector/LineCrossing', 'IsCar', 'vehicle'],
  ['RuleEngine/Recognition/LicensePlate', 'State', 'vehicle'],
  ['UserAlarm/LPR/NumberPlateRead', 'State', 'vehicle'],
  ['Device/AccessControl/LicensePlate', 'State', 'vehicle'],
  ['Device/License/Expired', 'State', 'other'],
  ['RuleEngine/MyRuleDetector/BirdAnimal', 'State', 'animal'],
  ['RuleEngine/MyRuleDetector/Package', 'State', 'package'],
  ['Device/Trigger/AlarmIn', 'State', 'input'],
  ['Device/IO/Port', 'state', 'input'],
  ['Device/Trigger/MotionDetector', 'State', 'motion'],
  ['Device/Sensor/PIR', 'state', 'motion'],
  ['VideoSource/ImageTooBlurry/AnalyticsService', 'State', 'tamper'],
  ['VideoAnalytics/VideoBlocked', 'IsBlocked', 'tamper'],
  ['AudioAnalytics/Audio/DetectedSound', 'isSoundDetected', 'sound'],
  ['RuleEngine/BabyCryingDetection/Crying', 'State', 'sound'],
  ['RuleEngine/FireDetector/Flames', 'State', 'other'],
  ['Motionless/X', 'State', 'other'],
] as const)('the words of the unknown topic %s are those of: %s', ([topic, item, type]) => {
  const data = [{ name: item, value: 'true' }];
  const reading = detectionsOf({ topic: topic.split('/'), operation: 'changed', source: [], data });
  expect(reading).toEqual({ detections: [{ type, isOn: true }], unknown: true });
  for (const [value, isOn] of Object.entries({
    True: true,
    ' 1 ': true,
    on: true,
    Active: true,
    '0': false,
    off: false,
  })) {
    expect(said(topic, { [item]: value })).toEqual([{ type, isOn }]);
  }
  expect(said(topic, { [item]: 'true' }, 'deleted')).toEqual([{ type, isOn: false }]);
});

test('each item of an unknown topic has its own words, and a class its own meaning', () => {
  expect(said('RuleEngine/Smart/Smart', { IsHuman: 'true', IsVehicle: 'false', Score: '1.5' })).toEqual([
    { type: 'person', isOn: true },
    { type: 'vehicle', isOn: false },
  ]);
  expect(said('RuleEngine/Line/LineCross', { State: 'true', ObjectType: 'Vehicle' })).toEqual([
    { type: 'vehicle', isOn: true },
  ]);
});

test('an unknown topic without a state is momentary if a word says what it is, else no event', () => {
  expect(said('RuleEngine/CrossLine/Crossing', { ObjectId: '1' })).toEqual([{ type: 'person', isOn: undefined }]);
  expect(said('RuleEngine/Counter/Count', { Count: '1', Level: '0' })).toEqual([]);
});

test.for([
  'Monitoring/ProcessorUsage',
  'Monitoring/OperatingTime/LastReboot',
  'Device/HardwareFailure/FanFailure',
  'Device/HardwareFailure/StorageFailure',
  'Device/OperationMode/ShutdownInitiated',
  'Device/Network/Lost',
  'Device/Trigger/Relay',
  'Device/Status/SystemReady',
  'Device/Status/Temperature/Above',
  'Device/Light/Status',
  'Media/ProfileChanged',
  'Media/ConfigurationChanged',
  'Configuration/AudioEncoder',
  'VideoSource/DayNightVision',
  'VideoSource/SignalLoss',
  'PTZController/PTZPresets/Channel_1',
  'RecordingConfig/JobState',
  'Storage/Disruption',
  'Network/LinkDown',
  'UserManagement/LoginFailed',
  'AdvancedSecurity/Keystore/KeyStatus',
])('%s is a state of the camera itself and no event', (topic) => {
  const data = [{ name: 'State', value: 'true' }];
  expect(detectionsOf({ topic: topic.split('/'), operation: 'changed', source: [], data })).toEqual({ detections: [] });
});
