/** Events as Perch reports them. */
export type Happening = 'motion' | 'person' | 'vehicle' | 'tamper' | 'input';

/** A topic and the data item with its state. */
export type Topic = readonly [topic: string, item: string];

type Dialect = Partial<Record<Happening, readonly Topic[]>>;

const CELL_MOTION: Topic = ['tns1:RuleEngine/CellMotionDetector/Motion', 'IsMotion'];
const MOTION_ALARM: Topic = ['tns1:VideoSource/MotionAlarm', 'State'];
const OBJECTS_INSIDE: Topic = ['tns1:RuleEngine/FieldDetector/ObjectsInside', 'IsInside'];
const TAMPER: Topic = ['tns1:RuleEngine/TamperDetector/Tamper', 'IsTamper'];
const SCENE_CHANGE: Topic = ['tns1:VideoSource/GlobalSceneChange/ImagingService', 'State'];
const INPUT: Topic = ['tns1:Device/Trigger/DigitalInput', 'LogicalState'];
const ALWAYS = { tamper: [TAMPER], input: [INPUT] } as const;

/** The words that makers use for what happens. */
export const DIALECTS = {
  standard: { ...ALWAYS, motion: [CELL_MOTION] },
  hikvision: { ...ALWAYS, motion: [MOTION_ALARM, CELL_MOTION], person: [OBJECTS_INSIDE] },
  dahua: { ...ALWAYS, motion: [CELL_MOTION, MOTION_ALARM], tamper: [SCENE_CHANGE], person: [OBJECTS_INSIDE] },
  reolink: {
    ...ALWAYS,
    motion: [CELL_MOTION, MOTION_ALARM],
    person: [['tns1:RuleEngine/MyRuleDetector/PeopleDetect', 'State']],
    vehicle: [['tns1:RuleEngine/MyRuleDetector/VehicleDetect', 'State']],
  },
  tapo: {
    ...ALWAYS,
    motion: [CELL_MOTION],
    person: [['tns1:RuleEngine/PeopleDetector/People', 'IsPeople']],
    vehicle: [['tns1:RuleEngine/TPSmartEventDetector/TPSmartEvent', 'IsVehicle']],
  },
  axis: {
    ...ALWAYS,
    motion: [['tnsaxis:CameraApplicationPlatform/VMD/Camera1Profile1', 'active']],
  },
  hanwha: { ...ALWAYS, motion: [MOTION_ALARM, ['tns1:RuleEngine/MotionRegionDetector/Motion', 'State']] },
  // Spelt as old D-Link firmware does.
  dlink: { motion: [['tns1:VideoSoure/MotionAlarm', 'State']] },
  xm: { motion: [MOTION_ALARM] },
} as const satisfies Record<string, Dialect>;
export type DialectName = keyof typeof DIALECTS;

export const topicsOf = (dialect: DialectName, happening: Happening): readonly Topic[] =>
  (DIALECTS[dialect] as Dialect)[happening] ?? [];
