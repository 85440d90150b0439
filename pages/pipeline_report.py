"""Pipeline: where do leads stand, how far do they get, what moved? For everybody who may see reports; as of any past day."""

import streamlit as st

from crm.ui import look
from crm.ui.lookups import where_pipelines_come_from
from crm.ui.reports import pipeline, shell
from crm.ui.viewer import viewer

person = viewer("report")
page = shell.begin(person, "Pipeline", pipeline.TAKES)
if page.asked.pipeline_id is None:
    look.empty("There is no pipeline in your sight yet.", where_pipelines_come_from(person))
    st.stop()
with shell.reading(page) as reader:
    found = pipeline.read(reader, page.asked)
pipeline.draw(found, page)
shell.end(page, reader)
