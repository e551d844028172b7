import { discoveryTopic, objectIdOf, SENSORS, type Topics } from './topics.ts';

/** A camera that is announced to Home Assistant. */
interface AnnouncedCamera {
  readonly path: string;
  /** Display name. */
  readonly name: string;
  readonly hasPicture: boolean;
  /** Names of the PTZ presets, or undefined if not yet known. */
  readonly presets: readonly string[] | undefined;
}

export interface AnnouncedDevice {
  /** Id of this box, in characters that Home Assistant accepts. */
  readonly id: string;
  /** Display name. */
  readonly name: string;
  readonly version: string;
  readonly hasTemperature: boolean;
  readonly hasCommands: boolean;
}

type Entity = Readonly<Record<string, unknown>>;

const DIAGNOSTIC = { entity_category: 'diagnostic' };
/** Home Assistant shows a value as unknown if it has not been updated for this time. */
const EXPIRES_S = 300;

/** Discovery messages by topic. */
export function discoveryOf(
  cameras: readonly AnnouncedCamera[],
  device: AnnouncedDevice,
  topics: Topics,
): readonly (readonly [string, string])[] {
  return [
    // The box first: cameras refer to it.
    [discoveryTopic(objectIdOfDevice(device)), JSON.stringify(deviceDiscovery(device, topics))],
    ...cameras
      .slice(0, 2_000)
      .map(
        (camera) =>
          [
            discoveryTopic(objectIdOfCamera(device, camera.path)),
            JSON.stringify(cameraDiscovery(camera, device, topics)),
          ] as const,
      ),
  ];
}

const objectIdOfDevice = ({ id }: AnnouncedDevice): string => `perch_${id}`;
const objectIdOfCamera = ({ id }: AnnouncedDevice, path: string): string => `perch_${id}_${objectIdOf(path)}`;

/** Home Assistant's discovery message for a device with its entities (since Home Assistant 2024.11). */
function cameraDiscovery(camera: AnnouncedCamera, device: AnnouncedDevice, topics: Topics): object {
  const { path, name, hasPicture, presets } = camera;
  const id = objectIdOfCamera(device, path);
  const sensors = Object.entries(SENSORS).map(([key, sensor]) => [
    key,
    { platform: 'binary_sensor', ...sensor, state_topic: topics.ofCamera(path, key) },
  ]);
  const entities: Readonly<Record<string, Entity>> = {
    ...Object.fromEntries(sensors),
    online: {
      platform: 'binary_sensor',
      name: 'Online',
      device_class: 'connectivity',
      ...DIAGNOSTIC,
      state_topic: topics.ofCamera(path, 'online'),
    },
    doorbell: {
      platform: 'event',
      name: 'Doorbell',
      device_class: 'doorbell',
      event_types: ['press'],
      state_topic: topics.ofCamera(path, 'doorbell'),
    },
    picture: hasPicture
      ? {
          platform: 'image',
          name: 'Picture',
          content_type: 'image/jpeg',
          image_topic: topics.ofCamera(path, 'picture'),
        }
      : { platform: 'image' },
    ...(device.hasCommands ? commandEntities(path, presets, topics) : NO_COMMANDS),
  };
  return discovery(
    id,
    entities,
    {
      identifiers: [id],
      name,
      via_device: objectIdOfDevice(device),
    },
    device,
    topics,
  );
}

/** An entity with nothing but its platform removes the entity of an earlier discovery message. */
const NO_COMMANDS = { recording: { platform: 'switch' }, clip: { platform: 'button' }, preset: { platform: 'select' } };

const commandEntities = (
  path: string,
  presets: readonly string[] | undefined,
  topics: Topics,
): Readonly<Record<string, Entity>> => ({
  recording: {
    platform: 'switch',
    name: 'Recording',
    icon: 'mdi:record-rec',
    state_topic: topics.ofCamera(path, 'recording'),
    command_topic: topics.command(path, 'recording'),
  },
  clip: {
    platform: 'button',
    name: 'Record a clip',
    icon: 'mdi:filmstrip',
    command_topic: topics.command(path, 'clip'),
  },
  // Home Assistant keeps an entity that the message leaves out.
  ...(presets && { preset: presets.length > 0 ? presetEntity(path, presets, topics) : NO_COMMANDS.preset }),
});

const presetEntity = (path: string, presets: readonly string[], topics: Topics): Entity => ({
  platform: 'select',
  name: 'Preset',
  icon: 'mdi:cctv',
  options: presets,
  command_topic: topics.command(path, 'preset'),
});

function deviceDiscovery(device: AnnouncedDevice, topics: Topics): object {
  const sensor = {
    platform: 'sensor',
    state_topic: topics.device,
    state_class: 'measurement',
    expire_after: EXPIRES_S,
  };
  const percent = { ...sensor, unit_of_measurement: '%', ...DIAGNOSTIC };
  const entities = {
    cpu: { ...percent, name: 'CPU', icon: 'mdi:cpu-64-bit', value_template: '{{ value_json.cpu }}' },
    disk: { ...percent, name: 'Disk', icon: 'mdi:harddisk', value_template: '{{ value_json.disk }}' },
    temperature: device.hasTemperature
      ? {
          ...sensor,
          ...DIAGNOSTIC,
          name: 'Temperature',
          device_class: 'temperature',
          unit_of_measurement: '°C',
          value_template: '{{ value_json.temperature }}',
        }
      : { platform: 'sensor' },
    // There is no command topic, so Home Assistant cannot install the update.
    update: { platform: 'update', name: 'Update', ...DIAGNOSTIC, state_topic: topics.update },
  };
  const id = objectIdOfDevice(device);
  return discovery(id, entities, { identifiers: [id], name: device.name, sw_version: device.version }, device, topics);
}

function discovery(
  id: string,
  entities: Readonly<Record<string, Entity>>,
  about: Entity,
  device: AnnouncedDevice,
  topics: Topics,
): object {
  const present = Object.entries(entities).map(([key, entity]) =>
    Object.hasOwn(entity, 'name') ? [key, { ...entity, unique_id: `${id}_${key}` }] : [key, entity],
  );
  return {
    device: { manufacturer: 'Perch', ...about },
    origin: { name: 'Perch', sw_version: device.version },
    availability_topic: topics.status,
    components: Object.fromEntries(present),
  };
}
