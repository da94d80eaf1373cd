"""Streamlit app over the views of schema `kore`; `kore-campaigns dashboard` starts it."""
