import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import { deriveKey } from '../config';

const PREFIX = 'sealed.';
const CIPHER = 'aes-256-gcm';
/** What GCM is made for (NIST SP 800-38D, 5.2.1.1): random ones stay unlike for some billions of texts under one key. */
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
/** Tells keys apart in a list of a few; it says nothing of the key. */
const KEY_ID_LENGTH = 8;

/** A sealed text cannot be opened. The message names keys by their ids, never by what they are. */
export class CannotOpen extends Error {
  override readonly name = 'CannotOpen';
}

/**
 * Keeps texts that nobody may read in the database, in a backup or on a disk: AES-256-GCM under keys from the configuration. The first key
 * seals, all of them open, so that keys can change while old texts are still about. A sealed text is `sealed.<key id>.<base64url of nonce,
 * ciphertext and tag>`, bound to a context: what was sealed for one place does not open in another.
 */
export class Keyring {
  private readonly keys: ReadonlyMap<string, Buffer>;
  readonly firstKeyId: string;

  /** Secrets of any length, the one that seals first. */
  constructor(secrets: readonly [string, ...string[]]) {
    const keys = secrets.map((secret) => deriveKey(secret, 'sealing')).map((key): [string, Buffer] => [idOf(key), key]);
    this.keys = new Map(keys);
    this.firstKeyId = keys[0]![0];
  }

  seal(text: string, context: string): string {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv(CIPHER, this.keys.get(this.firstKeyId)!, nonce).setAAD(Buffer.from(context));
    const sealed = Buffer.concat([nonce, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]);
    return `${PREFIX}${this.firstKeyId}.${sealed.toString('base64url')}`;
  }

  /** Throws CannotOpen when no key of ours has sealed it, or it is not what was sealed, or not for this context. */
  open(sealed: string, context: string): string {
    const [, keyId = '', content = ''] = sealed.split('.');
    const key = this.keys.get(keyId);
    if (!isSealed(sealed) || key === undefined) {
      throw new CannotOpen(`sealed with the key ${keyId}, and the configured keys are ${[...this.keys.keys()].join(', ')}`);
    }
    const bytes = Buffer.from(content, 'base64url');
    try {
      const decipher = createDecipheriv(CIPHER, key, bytes.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES })
        .setAAD(Buffer.from(context))
        .setAuthTag(bytes.subarray(-TAG_BYTES));
      return decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES), undefined, 'utf8') + decipher.final('utf8');
    } catch {
      throw new CannotOpen(`sealed with the key ${keyId}, but changed since, or meant for another place`);
    }
  }

  /** Whether it is sealed with the key that seals now. */
  isSealedAnew(text: string): boolean {
    return text.startsWith(`${PREFIX}${this.firstKeyId}.`);
  }
}

export const isSealed = (text: string): boolean => text.startsWith(PREFIX);

const idOf = (key: Buffer): string => createHash('sha256').update(key).digest('hex').slice(0, KEY_ID_LENGTH);
