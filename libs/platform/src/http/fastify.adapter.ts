import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { FastifyReply } from 'fastify';
import { isRecordedAnswer, json } from './answers';

/** Sends answers that have their final bytes as they are, everything else as JSON; Nest's own reply would look at each for streams. */
export class AnswerAdapter extends FastifyAdapter {
  override reply(response: FastifyReply, body: unknown, statusCode?: number): FastifyReply {
    const {
      status,
      body: bytes,
      headers,
    } = isRecordedAnswer(body) ? body : json(JSON.stringify(body ?? {}), statusCode ?? response.statusCode);
    return response.code(status).headers(headers).send(bytes);
  }
}
