import Type, { type Static } from 'typebox';
import { OrNull, TimeText } from '../schema/schemas.ts';

const Text = (description: string, maxLength = 200) => Type.Optional(Type.String({ description, maxLength }));
const MAX_ADDRESS = 500;
/** A host name (RFC 1035 §2.3.4), and a port. */
const MAX_HOST = 259;

const LOGIN = {
  user: Text('User name at the camera; that for ONVIF if the camera has separate ONVIF users.', 100),
  password: Text('Password of the user. Kept in the configuration, never shown.', 200),
  clearPassword: Type.Optional(
    Type.Boolean({ description: 'Allows methods that send the password unencrypted over the network.' }),
  ),
};
const WHICH = {
  endpoint: Text('`endpoint` of a camera that was found.'),
  onvif: Text('Address of the ONVIF device service, in a private network.', MAX_ADDRESS),
  address: Text(
    'IP address or host name in a private network, with a port if the camera uses an unusual one. It is probed, which may take a minute.',
    MAX_HOST,
  ),
  rtsp: Text(
    'Address of the main stream of a camera without ONVIF; {user} and {password} in it are replaced.',
    MAX_ADDRESS,
  ),
  sub: Text('Address of the substream, only with rtsp.', MAX_ADDRESS),
  source: Text(
    'Any other source that a path can have, with its login: rtmp, srt, whep, udp+mpegts, udp+rtp, HLS. It is not tested.',
    2_000,
  ),
  rtpSDP: Text('SDP that describes the packets, only with a udp+rtp or unix+rtp source.', 65_536),
  maker: Text('Manufacturer whose stream addresses are tried first, only with address.', 100),
};

export const CheckRequest = Type.Object({ ...WHICH, ...LOGIN }, { additionalProperties: false });
const CameraRequest = Type.Object(
  {
    ...WHICH,
    ...LOGIN,
    name: Text('Name of the path. Default: derived from the name of the camera.', 240),
    title: Text('Name shown to people.'),
    prefers: Type.Optional(Type.Enum(['h264', 'h265'])),
    record: Type.Optional(
      Type.Enum(['always', 'motion', 'no'], {
        description: 'When to record. Default: as in pathDefaults, or always if these record nothing.',
      }),
    ),
    again: Type.Optional(Type.Boolean({ description: 'Adopt the camera even if it appears to be adopted already.' })),
  },
  { additionalProperties: false },
);
export const AdoptBody = Type.Object(
  { cameras: Type.Array(CameraRequest, { minItems: 1, maxItems: 64 }), ...LOGIN },
  { additionalProperties: false, description: 'The login given here applies to each camera that has none.' },
);
export const HideBody = Type.Object(
  {
    endpoints: Type.Array(Type.String({ minLength: 1, maxLength: 200 }), { minItems: 1, maxItems: 500 }),
    hidden: Type.Boolean({ description: 'false: they are shown again.' }),
  },
  { additionalProperties: false },
);
export const ProbeBody = Type.Object(
  {
    target: Type.String({
      maxLength: MAX_HOST,
      description:
        'Address or host name in a private network, optionally with a port; or a range of addresses there, at most a /24.',
    }),
    maker: WHICH.maker,
    ...LOGIN,
  },
  { additionalProperties: false },
);
export const AdoptQuery = Type.Object({
  wait: Type.Optional(
    Type.Enum(['yes', 'no'], {
      description: 'no: the answer comes at once. Default: when all cameras have a result, after 10 s at the latest.',
    }),
  ),
});
export const DiscoverQuery = Type.Object({
  wait: Type.Optional(
    Type.Enum(['yes', 'no'], { description: 'yes: the answer comes when the search has ended, after about 4 s.' }),
  ),
});

const Claim = OrNull(Type.String());
const Trouble = OrNull(
  Type.String({
    description:
      'unreachable, timeout, otherCamera, otherCertificate, wrongPassword, noRights, lockedOut, clock, onvifOff, onvifUser, noStream, notSupported, badReply, notOnvif, clearPassword, or adopted (path has it).',
  }),
);
const Failed = {
  error: OrNull(Type.String({ description: 'Error message with a remedy.' })),
  trouble: Trouble,
  triesLeft: OrNull(
    Type.Integer({ description: 'After a refused login: remaining attempts before Perch stops trying logins.' }),
  ),
};

export const FoundItem = Type.Object({
  endpoint: Type.String(),
  address: Type.String(),
  onvif: Type.String(),
  foundFrom: Type.String({ description: 'Local address from which the camera was found.' }),
  onCameraNetwork: Type.Boolean({ description: 'The camera is in the camera network of the box.' }),
  name: Claim,
  manufacturer: Claim,
  hardware: Claim,
  location: Claim,
  firstSeen: TimeText,
  lastSeen: TimeText,
  path: OrNull(Type.String({ description: 'Path of the camera. Null: it is not adopted.' })),
  perch: OrNull(
    Type.String({ description: 'Another Perch that offers this camera. Null: it is a camera of its own.' }),
  ),
  hidden: Type.Boolean({ description: 'The page does not offer it.' }),
});
export type FoundItem = Static<typeof FoundItem>;
export const DiscoverAnswer = Type.Object({ isLooking: Type.Boolean(), items: Type.Array(FoundItem) });

export const ProbeAnswer = Type.Object({
  id: Type.String({ format: 'uuid' }),
  target: Type.String(),
  state: Type.Enum(['running', 'done', 'failed']),
  what: Type.String({ description: 'Current or last attempt.' }),
  done: Type.Integer(),
  total: Type.Integer(),
  slow: Type.Boolean({ description: 'The camera has accepted the connection, and needs more than 5 s to answer.' }),
  onvif: OrNull(
    Type.String({
      description: 'Address of the ONVIF service, for adopt. Null: none was found, or the target is a range.',
    }),
  ),
  rtsp: OrNull(
    Type.String({ description: 'Address of a stream, for adopt, if one was found and there is no ONVIF service.' }),
  ),
  sub: OrNull(Type.String()),
  makers: OrNull(Type.String({ description: 'Manufacturers of cameras with such stream addresses.' })),
  name: Claim,
  manufacturer: Claim,
  model: Claim,
  ...Failed,
});
export type ProbeAnswer = Static<typeof ProbeAnswer>;

const Suggestion = Type.Object({
  kind: Type.String({
    description: 'What to change: longGroups, reordering, smartCodec, clock, certificate or clear.',
  }),
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
  { description: 'Facts as reported by the camera: escape the texts where they are shown.' },
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
    words: Type.String({ description: 'Message with the status code that the camera answered.' }),
  }),
  { description: 'Streams that could not be verified yet. Perch tries them until the camera is complete.' },
);
const Adopted = Type.Object({
  status: Type.Enum(['running', 'ok', 'error']),
  camera: OrNull(
    Type.String({ description: 'endpoint, onvif or address from the request, or the host of rtsp or source.' }),
  ),
  slow: Type.Boolean({ description: 'The camera has accepted the connection, and needs more than 5 s to answer.' }),
  ...Failed,
  title: Claim,
  path: OrNull(
    Type.String({
      description: 'Path of the first lens. If trouble is adopted: the path that the camera already has.',
    }),
  ),
  paths: Type.Array(Type.String(), { description: 'All paths that were added.' }),
  pending: Pending,
  description: OrNull(Description),
});
export const AdoptAnswer = Type.Object({
  id: Type.String({ format: 'uuid' }),
  state: Type.Enum(['running', 'done'], { description: 'running: some items have no result yet.' }),
  items: Type.Array(Adopted, { description: 'Results in the order of the request.' }),
  warning: OrNull(
    Type.String({ description: 'Remedy if every user of this box can read the configuration file. Given once.' }),
  ),
});
export type AdoptAnswer = Static<typeof AdoptAnswer>;

export const CameraItem = Type.Object({
  path: Type.String(),
  sub: OrNull(Type.String()),
  title: Claim,
  onvif: OrNull(Type.String()),
  endpoint: Claim,
  serial: Claim,
  source: Type.String({ description: 'Source without credentials.' }),
  hasLogin: Type.Boolean(),
  takesEvents: Type.Boolean({ description: 'Perch takes the events of the camera: `events` of `camera` is not no.' }),
  state: OrNull(Type.Enum(['running', 'waiting', 'stopped', 'paused', 'private'])),
  pausedUntil: OrNull(TimeText),
  lastError: OrNull(Type.String()),
  lastErrorTime: OrNull(TimeText),
  trouble: Trouble,
  next: OrNull(Type.String({ description: 'Remedy for the error.' })),
  seenAt: OrNull(
    Type.String({
      description: 'Address of a device with the same identity that the path does not use; `next` has the reason.',
    }),
  ),
  unknownTopics: Type.Array(
    Type.Object({
      topic: Type.String(),
      event: OrNull(Type.String({ description: 'Type of its events, by its words. Null: it is no event.' })),
    }),
    {
      description: 'Topics of ONVIF events that Perch does not know, as the camera has reported them since the start.',
    },
  ),
  pending: Pending,
  description: OrNull(Description),
  descriptionTime: OrNull(TimeText),
});
export type CameraItem = Static<typeof CameraItem>;

export const CameraPatch = Type.Object(
  {
    title: Type.Optional(Type.String({ minLength: 1, maxLength: 200, description: 'Name shown to people.' })),
    paused: Type.Optional(
      Type.Boolean({ description: 'The camera is not pulled, recorded or asked for events; its path stays.' }),
    ),
    pausedUntil: Type.Optional(
      OrNull(Type.String({ maxLength: 40, description: 'Time at which the pause ends, RFC 3339. Only with paused.' })),
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
  isGood: Type.Boolean({ description: 'The camera accepts the login, and it is saved.' }),
  ...Failed,
  paths: Type.Array(Type.String(), { description: 'All paths of the device, which now have the login.' }),
});
export const CameraOrder = Type.Object(
  { paths: Type.Array(Type.String({ maxLength: 240 }), { minItems: 1, maxItems: 1_000 }) },
  { additionalProperties: false },
);
