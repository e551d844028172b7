import type { XmlElement } from '@rgrove/parse-xml';
import type { OnvifSession } from '../device/onvif-session.ts';
import { type CameraProfile, codecOf } from '../device/profiles.ts';
import { cameraError, unlessFault } from '../soap/http/failures.ts';
import { attributeOf, elements, escapeXml, find, findNumber, findText } from '../soap/xml/xml.ts';
import { byMedia, type Ways } from './ways.ts';

const MAX_FPS = 120;

interface Span {
  readonly min: number;
  readonly max: number;
}

/** What an encoder offers with one codec; absent or empty: it cannot be set. */
export interface EncoderChoice {
  readonly codec: string;
  readonly sizes: readonly { readonly width: number; readonly height: number }[];
  /** Whole numbers, ascending. */
  readonly fps: readonly number[];
  readonly bitrateKbps: Span | undefined;
  readonly groupFrames: Span | undefined;
}

/** GetVideoEncoderConfigurationOptions for the profile's encoder; empty if the camera does not let it be set. */
export async function readEncoderChoices(
  session: OnvifSession,
  ways: Ways,
  profile: CameraProfile,
): Promise<EncoderChoice[]> {
  const read = (own: CameraProfile) => readOptions(session, { ...own, codec: own.codec ?? profile.codec });
  return (await unlessFault(ways.use('encoder options', byMedia(session, profile, read)))) ?? [];
}

/** @throws PerchError notSupported if the service offers nothing */
async function readOptions(session: OnvifSession, profile: CameraProfile): Promise<EncoderChoice[]> {
  const { service, encoder, token, codec } = profile;
  const prefix = service === 'media2' ? 'tr2' : 'trt';
  const name = `${prefix}:GetVideoEncoderConfigurationOptions`;
  const body =
    `<${name}><${prefix}:ConfigurationToken>${escapeXml(encoder ?? '')}</${prefix}:ConfigurationToken>` +
    `<${prefix}:ProfileToken>${escapeXml(token)}</${prefix}:ProfileToken></${name}>`;
  const response =
    encoder === undefined
      ? undefined
      : await session.call(service, body, 'GetVideoEncoderConfigurationOptionsResponse');
  const choices = service === 'media2' ? readChoices2(response) : readChoices1(response, codec);
  if (choices.length === 0) {
    throw cameraError('notSupported', 'the camera does not let its encoder be set', { host: session.host });
  }
  return choices;
}

/** Media 2 §5.3.4: one element for each codec, with its key frame distances and frame rates as attributes. */
function readChoices2(response: XmlElement | undefined): EncoderChoice[] {
  return elements(response, 'Options').flatMap((options): EncoderChoice[] => {
    const codec = codecOf(findText(options, 'Encoding'));
    const [min, max = min] = numbersOf(attributeOf(options, 'GovLengthRange'));
    return codec === undefined
      ? []
      : [
          {
            codec,
            sizes: sizesOf(options),
            fps: ascending(numbersOf(attributeOf(options, 'FrameRatesSupported'))),
            bitrateKbps: spanOf(find(options, 'BitrateRange')),
            groupFrames: spanBetween(min, max),
          },
        ];
  });
}

/** Media 1 §5.7.4: one element for each codec, of which only the present one is offered; bit rates stand in the extension. */
function readChoices1(response: XmlElement | undefined, codec: string | undefined): EncoderChoice[] {
  const options = find(response, 'Options');
  const own = codec === undefined ? undefined : find(options, codec);
  if (codec === undefined || !own) {
    return [];
  }
  const { min = 1, max = 0 } = spanOf(find(own, 'FrameRateRange')) ?? {};
  const rates = Array.from({ length: Math.max(0, Math.min(max, MAX_FPS) - min + 1) }, (_, i) => min + i);
  return [
    {
      codec,
      sizes: sizesOf(own),
      fps: ascending(rates),
      bitrateKbps: spanOf(find(options, 'Extension', codec, 'BitrateRange')),
      groupFrames: spanOf(find(own, 'GovLengthRange')),
    },
  ];
}

function sizesOf(options: XmlElement): EncoderChoice['sizes'] {
  // Real cameras have up to 30 sizes.
  return elements(options, 'ResolutionsAvailable')
    .slice(0, 64)
    .map((size) => ({ width: findNumber(size, 'Width') ?? 0, height: findNumber(size, 'Height') ?? 0 }))
    .filter(({ width, height }) => Number.isInteger(width) && Number.isInteger(height) && width > 0 && height > 0)
    .toSorted((a, b) => b.width * b.height - a.width * a.height);
}

const spanOf = (range: XmlElement | undefined): Span | undefined =>
  spanBetween(findNumber(range, 'Min'), findNumber(range, 'Max'));

/** A span from `min` to `max`. Some cameras state a minimum of 0, which they reject. */
const spanBetween = (min = 0, max = 0): Span | undefined =>
  max >= 1 && max >= min ? { min: Math.max(1, Math.ceil(min)), max: Math.floor(max) } : undefined;

const numbersOf = (text = ''): number[] => text.trim().split(/\s+/).filter(Boolean).map(Number);

const ascending = (rates: readonly number[]): number[] =>
  [...new Set(rates)].filter((one) => Number.isInteger(one) && one >= 1 && one <= MAX_FPS).toSorted((a, b) => a - b);
