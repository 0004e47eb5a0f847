import { Controller, Get, Param, Query } from '@nestjs/common';
import { FindTemplateQuery, Template } from '@works/contracts/templates';
import type { Caller } from '@works/platform/caller';
import { CurrentCaller, Operation, RequireScope, resource } from '@works/platform/http';
import { Problem } from '@works/platform/problems';
import { Templates } from '../templates/templates';
import { presentTemplate } from './present-template';

@Controller()
export class FindTemplate {
  constructor(private readonly templates: Templates) {}

  @Get('/templates/:key')
  @RequireScope('templates:read')
  @Operation({ summary: 'Get a template', tag: 'Templates', query: FindTemplateQuery, answers: { 200: Template } })
  async find(@Param('key') key: string, @Query() query: FindTemplateQuery, @CurrentCaller() caller: Caller) {
    const template = await this.templates.find(caller, key, query.version ?? null);
    if (template === null) throw new Problem('not_found', 'There is no such resource.');
    return resource(presentTemplate(template), template.version);
  }
}
