import { Fixed, IdOf, Instant, Nested, Text, WholeNumber, Words } from '../fields';
import { Actor } from '../actors';

/** What somebody said about a task. */
export class TaskComment {
  @IdOf('cmt')
  id!: string;

  @Fixed('comment')
  object!: 'comment';

  @IdOf('tsk')
  task_id!: string;

  @Text({ max: 10_000 })
  body!: string;

  @Nested(() => Actor, { description: 'Whose key it was said with.' })
  author!: Actor;

  @Instant()
  created_at!: string;

  @Instant()
  updated_at!: string;

  @WholeNumber({ min: 1, max: 1, description: 'A comment is never changed.' })
  version!: number;
}

/** Body of `POST /tasks/{id}/comments`. */
export class CommentOnTaskBody {
  @Words({ max: 10_000, example: 'The glass arrives on Friday.' })
  body!: string;
}
