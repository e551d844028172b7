import Type from 'typebox';
import { OrNull, TimeText } from '../schema/schemas.ts';

const Text = (description: string, maxLength = 200) => Type.Optional(Type.String({ description, maxLength }));
const MAX_CAMERAS = 64;
const MAX_ADDRESS = 500;

const LOGIN = {
  user: Text("The camera's user, of ONVIF where it has users of its own.", 100),
  password: Text('Kept in the configuration, never shown.', 200),
  clearPassword: Type.Optional(
    Type.Boolean({ description: 'The password may be sent so that anybody in the network can read it.' }),
  ),
};
const WHICH = {
  endpoint: Text('Of a camera that was found.'),
  onvif: Text('Address of the ONVIF device service, in a private network.', MAX_ADDRESS),
  address: Text('IP address in a private network: what is there is found out, which may take a minute.', 60),
  rtsp: Text('Large stream of a camera without ONVIF; {user} and {password} in it are replaced.', MAX_ADDRESS),
  sub: Text('Small stream, beside rtsp.', MAX_ADDRESS),
  maker: Text('Whose stream addresses are tried first, beside address.', 100),
};

export const CheckRequest = Type.Object({ ...WHICH, ...LOGIN }, { additionalProperties: false });
const CameraRequest = Type.Object(
  {
    ...WHICH,
    ...LOGIN,
    name: Text('Name of the path. Without it one is made of what the camera is called.', 240),
    title: Text('What people call it.'),
    prefers: Type.Optional(Type.Enum(['h264', 'h265'])),
    record: Type.Optional(
      Type.Enum(['always', 'motion', 'no'], {
        description: 'Without it: as pathDefaults say, and always where they record nothing.',
      }),
    ),
    again: Type.Optional(Type.Boolean({ description: 'Though it looks like one that is there already.' })),
  },
  { additionalProperties: false },
);
export const AdoptBody = Type.Object(
  { cameras: Type.Array(CameraRequest, { minItems: 1, maxItems: MAX_CAMERAS }), ...LOGIN },
  { additionalProperties: false, description: 'Login that stands here is that of each camera that has none.' },
);
export const ProbeBody = Type.Object(
  {
    target: Type.String({ maxLength: 60, description: 'Address, or range of at most a /24, in a private network.' }),
    maker: WHICH.maker,
    ...LOGIN,
  },
  { additionalProperties: false },
);
export const DiscoverQuery = Type.Object({
  wait: Type.Optional(Type.Enum(['yes', 'no'], { description: 'Answer when the look is over, after some 4 s.' })),
});

const Claim = OrNull(Type.String());
const Trouble = OrNull(
  Type.String({
    description:
      'unreachable, timeout, otherCamera, otherCertificate, wrongPassword, noRights, lockedOut, clock, onvifOff, onvifUser, notSupported, badReply, notOnvif, clearPassword, or adopted (path has it).',
  }),
);
const Failed = {
  error: OrNull(Type.String({ description: 'In words, with what to do.' })),
  trouble: Trouble,
  triesLeft: OrNull(
    Type.Integer({ description: 'After a refused login: how often it may be wrong before Perch tries none any more.' }),
  ),
};

export const FoundItem = Type.Object({
  endpoint: Type.String(),
  address: Type.String(),
  onvif: Type.String(),
  foundFrom: Type.String({ description: 'Address of this machine.' }),
  name: Claim,
  manufacturer: Claim,
  hardware: Claim,
  location: Claim,
  firstSeen: TimeText,
  lastSeen: TimeText,
  path: OrNull(Type.String({ description: 'That it is adopted as.' })),
});
export const DiscoverAnswer = Type.Object({ isLooking: Type.Boolean(), items: Type.Array(FoundItem) });

export const ProbeAnswer = Type.Object({
  id: Type.String({ format: 'uuid' }),
  target: Type.String(),
  state: Type.Enum(['running', 'done', 'failed']),
  what: Type.String({ description: 'That is tried now, or was last.' }),
  done: Type.Integer(),
  total: Type.Integer(),
  onvif: OrNull(Type.String({ description: 'For adopt, when there is ONVIF at the one address.' })),
  rtsp: OrNull(Type.String({ description: 'For adopt, when there is none and a stream was found.' })),
  sub: OrNull(Type.String()),
  makers: OrNull(Type.String({ description: 'Who makes cameras with such streams.' })),
  ...Failed,
});

const Suggestion = Type.Object({
  kind: Type.String({ description: 'longGroups, reordering, smartCodec, clock, certificate or clear.' }),
  words: Type.String(),
  profile: Claim,
});
const Profile = Type.Object({
  token: Type.String(),
  name: Type.String(),
  codec: Claim,
  width: OrNull(Type.Integer()),
  height: OrNull(Type.Integer()),
  fps: OrNull(Type.Number()),
});
const Description = Type.Object(
  {
    manufacturer: Claim,
    model: Claim,
    firmware: Claim,
    serial: Claim,
    hasPtz: Type.Boolean(),
    hasEvents: Type.Boolean(),
    hasSound: Type.Boolean(),
    hasBackChannel: OrNull(Type.Boolean()),
    profiles: Type.Array(Profile),
    suggestions: Type.Array(Suggestion),
  },
  { description: "The camera's claims: texts to be escaped where shown." },
);
export const CheckAnswer = Type.Object({
  isGood: Type.Boolean(),
  ...Failed,
  description: OrNull(Description),
});
const Pending = Type.Array(
  Type.Object({
    path: Type.String(),
    why: Type.Enum(['noRoom', 'busy', 'slow']),
    words: Type.String({ description: 'With the status that the camera has answered.' }),
  }),
  { description: 'Streams that could not be tried yet. Perch tries them again until the camera is complete.' },
);
const Adopted = Type.Object({
  status: Type.Enum(['ok', 'error']),
  camera: OrNull(Type.String({ description: 'As it was asked for: endpoint, onvif or address; of rtsp the host.' })),
  ...Failed,
  title: Claim,
  path: OrNull(Type.String({ description: 'Of its first lens; with the trouble adopted the one it has already.' })),
  paths: Type.Array(Type.String(), { description: 'All that were written.' }),
  pending: Pending,
  description: OrNull(Description),
});
export const AdoptAnswer = Type.Object({
  items: Type.Array(Adopted, { description: 'In the order of the request.' }),
  warning: OrNull(
    Type.String({ description: 'Everybody on the machine can read the configuration file: what to do. Said once.' }),
  ),
});

export const CameraItem = Type.Object({
  path: Type.String(),
  sub: OrNull(Type.String()),
  title: Claim,
  onvif: OrNull(Type.String()),
  endpoint: Claim,
  serial: Claim,
  source: Type.String({ description: 'Without credentials.' }),
  hasLogin: Type.Boolean(),
  state: OrNull(Type.Enum(['running', 'waiting', 'stopped', 'paused'])),
  pausedUntil: OrNull(TimeText),
  lastError: OrNull(Type.String()),
  lastErrorTime: OrNull(TimeText),
  trouble: Trouble,
  next: OrNull(Type.String({ description: 'What to do about the error.' })),
  seenAt: OrNull(
    Type.String({
      description: 'Address of a device with its identity, which the path does not follow: `next` says why.',
    }),
  ),
  pending: Pending,
  description: OrNull(Description),
  descriptionTime: OrNull(TimeText),
});

export const CameraPatch = Type.Object(
  {
    title: Type.Optional(Type.String({ minLength: 1, maxLength: 200, description: 'What people call it.' })),
    paused: Type.Optional(
      Type.Boolean({ description: 'It is neither pulled, recorded nor listened to, and its path stays.' }),
    ),
    pausedUntil: Type.Optional(
      OrNull(Type.String({ maxLength: 40, description: 'Beside paused: when it goes on by itself, RFC 3339.' })),
    ),
  },
  { additionalProperties: false, minProperties: 1 },
);
export const NewLogin = Type.Object(
  {
    user: Type.String({ minLength: 1, maxLength: 100 }),
    password: Type.String({ maxLength: 200 }),
    clearPassword: LOGIN.clearPassword,
  },
  { additionalProperties: false },
);
export const LoginAnswer = Type.Object({
  isGood: Type.Boolean({ description: 'The camera takes it, and it is written.' }),
  ...Failed,
  paths: Type.Array(Type.String(), { description: 'That have it now: all of the device.' }),
});
export const CameraOrder = Type.Object(
  { paths: Type.Array(Type.String({ maxLength: 240 }), { minItems: 1, maxItems: 1_000 }) },
  { additionalProperties: false },
);
