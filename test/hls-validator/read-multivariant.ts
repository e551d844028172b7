import {
  Attributes,
  type AudioChoice,
  integerOf,
  linesOf,
  type Multivariant,
  tagOf,
  type Variant,
  wrongPlaylist,
} from './playlist.ts';

export function readMultivariant(text: string): Multivariant {
  const variants: Variant[] = [];
  const audio: AudioChoice[] = [];
  const unknownTags: string[] = [];
  let version = 1;
  let next: Attributes | undefined;
  for (const line of linesOf(text)) {
    if (!line.startsWith('#')) {
      if (!next) {
        throw wrongPlaylist(`address '${line.slice(0, 80)}' without EXT-X-STREAM-INF`);
      }
      variants.push(variantOf(next, line));
      next = undefined;
      continue;
    }
    const { name, value } = tagOf(line);
    if (next) {
      throw wrongPlaylist(`${name} where the address of a variant was expected`);
    }
    if (name === 'EXT-X-STREAM-INF') {
      next = new Attributes(name, value);
    } else if (name === 'EXT-X-MEDIA') {
      audio.push(choiceOf(new Attributes(name, value)));
    } else if (name === 'EXT-X-VERSION') {
      version = integerOf(name, value);
    } else if (name !== 'EXT-X-INDEPENDENT-SEGMENTS') {
      unknownTags.push(name);
    }
  }
  if (next) {
    throw wrongPlaylist('EXT-X-STREAM-INF without an address');
  }
  return { kind: 'multivariant', version, variants, audio, unknownTags };
}

function variantOf(info: Attributes, uri: string): Variant {
  const size = info.text('RESOLUTION');
  const [, width, height] = /^(\d+)x(\d+)$/.exec(size ?? '') ?? [];
  if (size !== undefined && width === undefined) {
    throw wrongPlaylist(`RESOLUTION is '${size.slice(0, 40)}'`);
  }
  return {
    uri,
    bandwidth: integerOf('BANDWIDTH', info.need('BANDWIDTH', info.text('BANDWIDTH'))),
    averageBandwidth: info.number('AVERAGE-BANDWIDTH'),
    codecs: (info.string('CODECS') ?? '').split(',').filter((codec) => codec !== ''),
    width: width === undefined ? undefined : Number(width),
    height: height === undefined ? undefined : Number(height),
    fps: info.number('FRAME-RATE'),
    audioGroup: info.string('AUDIO'),
    score: info.number('SCORE'),
  };
}

function choiceOf(media: Attributes): AudioChoice {
  const type = media.need('TYPE', media.text('TYPE'));
  if (type !== 'AUDIO') {
    throw wrongPlaylist(`EXT-X-MEDIA of TYPE=${type}`);
  }
  return {
    group: media.need('GROUP-ID', media.string('GROUP-ID')),
    name: media.need('NAME', media.string('NAME')),
    uri: media.string('URI'),
    isDefault: media.isYes('DEFAULT'),
  };
}
